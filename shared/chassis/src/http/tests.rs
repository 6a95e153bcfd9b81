use axum::body::Body;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(10);

fn quick() -> Limits {
    Limits {
        connections: 3,
        of_one_address: 2,
        head: Duration::from_millis(300),
        stalled: Duration::from_millis(300),
    }
}

struct Server {
    at: SocketAddr,
    until: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the counterpart of the test runs beside it, and ends with its runtime"
)]
async fn served(limits: Limits) -> Server {
    let routes = Router::new()
        .route("/", get(async || "here"))
        .route("/endless", get(async || Body::from_stream(futures_endless())));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let (at, until) = (listener.local_addr().expect("an address"), CancellationToken::new());
    let stop = until.clone();
    let task = tokio::spawn(async move { serve(listener, routes, limits, &stop).await });
    Server { at, until, task }
}

fn futures_endless() -> impl futures::Stream<Item = Result<Vec<u8>, std::convert::Infallible>> {
    futures::stream::repeat_with(|| Ok(vec![b'x'; 64 * 1024]))
}

async fn connect(at: SocketAddr) -> TcpStream {
    TcpStream::connect(at).await.expect("a connection")
}

async fn ask(stream: &mut TcpStream) -> String {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("a request");
    let mut answer = String::new();
    while !answer.ends_with("here") {
        let mut part = [0; 1024];
        let read = timeout(SOON, stream.read(&mut part))
            .await
            .expect("in time")
            .expect("an answer");
        assert!(read > 0, "closed after {answer:?}");
        answer.push_str(&String::from_utf8_lossy(&part[..read]));
    }
    answer
}

/// Reads until the other side closes.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    let ended = timeout(SOON, stream.read_to_end(&mut rest)).await;
    // A reset is an end too.
    let _ = ended.expect("it is closed in time");
}

#[tokio::test]
async fn who_sends_no_whole_head_is_let_go() {
    let server = served(quick()).await;
    let mut silent = connect(server.at).await;
    let mut slow = connect(server.at).await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow")
        .await
        .expect("a beginning");
    closed(&mut silent).await;
    closed(&mut slow).await;
}

#[tokio::test]
async fn a_connection_is_used_again_and_let_go_when_it_is_idle() {
    let server = served(quick()).await;
    let mut stream = connect(server.at).await;
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(ask(&mut stream).await.starts_with("HTTP/1.1 200"));
    closed(&mut stream).await;
}

#[tokio::test]
async fn who_holds_every_place_is_let_go_and_the_next_is_served() {
    let server = served(quick()).await;
    let mut slow = Vec::new();
    for _ in 0..quick().connections * 4 {
        slow.push(connect(server.at).await);
    }
    let mut honest = connect(server.at).await;
    assert!(ask(&mut honest).await.ends_with("here"));
}

#[tokio::test]
async fn who_takes_no_answer_is_let_go() {
    let server = served(Limits {
        connections: 1,
        ..quick()
    })
    .await;
    let mut greedy = connect(server.at).await;
    greedy
        .write_all(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .expect("a request");
    // It never reads: its place is free all the same.
    let mut honest = connect(server.at).await;
    assert!(ask(&mut honest).await.ends_with("here"));
}

#[tokio::test]
async fn a_stop_ends_it_although_somebody_is_connected() {
    let server = served(Limits {
        head: Duration::from_secs(3600),
        ..quick()
    })
    .await;
    let mut idle = connect(server.at).await;
    assert!(ask(&mut idle).await.ends_with("here"));
    server.until.cancel();
    timeout(SOON, server.task).await.expect("in time").expect("no panic");
    closed(&mut idle).await;
}

#[tokio::test]
async fn a_connection_is_asked_whether_it_is_still_there() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let _client = connect(listener.local_addr().expect("an address")).await;
    let taken = timeout(SOON, accept(&listener, &Places::new(1, 1)))
        .await
        .expect("in time");
    let stream = &taken.stream;
    assert_eq!(sockopt::socket_keepalive(stream), Ok(true));
    let asked = (
        sockopt::tcp_keepidle(stream),
        sockopt::tcp_keepintvl(stream),
        sockopt::tcp_keepcnt(stream),
    );
    assert_eq!(asked, (Ok(SILENT), Ok(ASK_EVERY), Ok(ASK_TIMES)));
}
