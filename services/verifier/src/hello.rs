//! A TLS hello that offers nearly everything of TLS 1.0 to 1.2, and the first flight that answers it. Pure.
//!
//! In: a name and 32 random bytes; what a server sends. Out: the bytes of a ClientHello (RFC 5246 §7.4.1.2); the leaf that was
//! on the wire, and what the server chose. Never: a handshake: nothing is computed, decrypted or proven here. It is for
//! servers with which our own TLS gets no further, so that what they serve is seen all the same.

use domain::certificate::Fingerprint;
use rustls::pki_types::CertificateDer;

/// A first flight is a few KiB; more is no TLS, or no good.
const LONGEST: usize = 128 * 1024;
const HEADER: usize = 5;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;

const TLS12: u16 = 0x0303;
const NAMED_CURVE: u8 = 3;

/// ECDHE, DHE and RSA key exchange with every cipher that servers of the last twenty years may insist on.
const SUITES: [u16; 60] = [
    0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9, 0xc0ac, 0xc0ad, 0xc0ae, 0xc0af, 0xc009, 0xc00a, 0xc013, 0xc014,
    0xc023, 0xc024, 0xc027, 0xc028, 0xc008, 0xc012, 0xc007, 0xc011, 0xc072, 0xc073, 0xc076, 0xc077, 0xc086, 0xc087,
    0xc08a, 0xc08b, 0xc05c, 0xc05d, 0xc060, 0xc061, 0xccaa, 0x009e, 0x009f, 0xc09e, 0xc09f, 0x0033, 0x0039, 0x0067,
    0x006b, 0x0016, 0x0045, 0x0088, 0x009c, 0x009d, 0xc09c, 0xc09d, 0x002f, 0x0035, 0x003c, 0x003d, 0x000a, 0x0041,
    0x0084, 0x0005, 0x0004, 0x00ff,
];
/// Of these our own TLS speaks the rest.
const OWN_SUITES: [u16; 6] = [0xc02b, 0xc02c, 0xc02f, 0xc030, 0xcca8, 0xcca9];
const GROUPS: [u16; 16] = [29, 23, 24, 25, 30, 22, 21, 19, 26, 27, 28, 256, 257, 258, 259, 260];
const SIGNATURES: [u16; 16] = [
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401, 0x0501, 0x0601,
    0x0201, 0x0203,
];

/// The ClientHello in its record; `name` goes out as SNI.
pub fn client_hello(name: &str, random: [u8; 32]) -> Vec<u8> {
    let name = with_length(&[&[0][..], &with_length(name.as_bytes())].concat());
    let points = [1, 0];
    let extensions = [
        extension(0, &name),
        extension(10, &with_length(&numbers(&GROUPS))),
        extension(11, &points),
        extension(13, &with_length(&numbers(&SIGNATURES))),
        extension(23, &[]),
    ]
    .concat();
    let body = [
        &TLS12.to_be_bytes()[..],
        &random,
        &[0],
        &with_length(&numbers(&SUITES)),
        &[1, 0],
        &with_length(&extensions),
    ]
    .concat();
    let message = [&[1, 0][..], &with_length(&body)].concat();
    [&[HANDSHAKE, 3, 1][..], &with_length(&message)].concat()
}

/// With two bytes of length in front. Everything that is written here is far below 65,536 bytes.
fn with_length(body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], body].concat()
}

fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &with_length(body)].concat()
}

fn numbers(all: &[u16]) -> Vec<u8> {
    all.iter().flat_map(|one| one.to_be_bytes()).collect()
}

/// What a server says in its first flight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flight {
    version: u16,
    suite: u16,
    group: Option<u16>,
    wants_client_certificate: bool,
    /// Leaf first; empty until the server has sent it.
    pub chain: Vec<CertificateDer<'static>>,
}

impl Flight {
    pub fn leaf(&self) -> Option<Fingerprint> {
        self.chain.first().map(|leaf| Fingerprint::of(leaf))
    }

    pub fn protocol(&self) -> String {
        match self.version {
            0x0300 => "SSLv3".to_owned(),
            0x0301 => "TLSv1_0".to_owned(),
            0x0302 => "TLSv1_1".to_owned(),
            TLS12 => "TLSv1_2".to_owned(),
            other => format!("{other:#06x}"),
        }
    }

    pub fn cipher(&self) -> String {
        format!("{:#06x}", self.suite)
    }

    /// Why a handshake of our own cannot end with this server, as far as its first flight says.
    pub fn hindrance(&self) -> Option<String> {
        if self.version < TLS12 {
            let spoken = self.protocol().replace("TLSv1_", "TLS 1.").replace("SSLv", "SSL ");
            return Some(format!("the server speaks {spoken} at most"));
        }
        if !OWN_SUITES.contains(&self.suite) {
            return Some(format!("no common cipher suite: the server chose {}", self.cipher()));
        }
        if let Some(group) = self.group.filter(|group| ![29, 23, 24].contains(group)) {
            return Some(format!("no common group: the server chose {}", group_name(group)));
        }
        self.wants_client_certificate
            .then(|| "the server wants a client certificate".to_owned())
    }
}

fn group_name(group: u16) -> String {
    match group {
        25 => "secp521r1".to_owned(),
        30 => "x448".to_owned(),
        26..=28 => "a Brainpool curve".to_owned(),
        256..=260 => "a finite field".to_owned(),
        other => format!("group {other}"),
    }
}

/// What has come of a server's answer so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// It goes on.
    Part,
    /// The flight is complete.
    All,
    /// The server breaks it off, with this alert (RFC 8446 §6).
    Alert(u8),
    /// This is no TLS.
    Strange,
}

/// Reads a first flight as its bytes come in.
#[derive(Debug, Default)]
pub struct Listener {
    bytes: Vec<u8>,
    messages: Vec<u8>,
    heard_in_all: usize,
    pub flight: Flight,
}

impl Listener {
    pub fn hear(&mut self, more: &[u8]) -> Heard {
        self.heard_in_all += more.len();
        if self.heard_in_all > LONGEST {
            return Heard::Strange;
        }
        self.bytes.extend_from_slice(more);
        while let Some((kind, body)) = self.record() {
            match kind {
                HANDSHAKE => self.messages.extend(body),
                ALERT => return body.get(1).map_or(Heard::Strange, |alert| Heard::Alert(*alert)),
                _ => return Heard::Strange,
            }
            while let Some((kind, body)) = self.message() {
                if self.flight.take(kind, &body).is_none() {
                    return Heard::Strange;
                }
                if kind == SERVER_HELLO_DONE {
                    return Heard::All;
                }
            }
        }
        Heard::Part
    }

    /// The next whole record, taken out of what was heard.
    fn record(&mut self) -> Option<(u8, Vec<u8>)> {
        let (kind, length) = match self.bytes.as_slice() {
            [kind, _, _, high, low, ..] => (*kind, usize::from(u16::from_be_bytes([*high, *low]))),
            _ => return None,
        };
        let body = self.bytes.get(HEADER..HEADER + length)?.to_vec();
        self.bytes.drain(..HEADER + length);
        Some((kind, body))
    }

    /// The next whole message: one may fill several records, and several one.
    fn message(&mut self) -> Option<(u8, Vec<u8>)> {
        let (kind, length) = match self.messages.as_slice() {
            [kind, high, middle, low, ..] => (*kind, long([*high, *middle, *low])),
            _ => return None,
        };
        let body = self.messages.get(4..4 + length)?.to_vec();
        self.messages.drain(..4 + length);
        Some((kind, body))
    }
}

fn long([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

impl Flight {
    /// Nothing when the message cannot be read.
    fn take(&mut self, kind: u8, body: &[u8]) -> Option<()> {
        match kind {
            SERVER_HELLO => {
                self.version = u16::from_be_bytes([*body.first()?, *body.get(1)?]);
                let session = usize::from(*body.get(34)?);
                self.suite = u16::from_be_bytes([*body.get(35 + session)?, *body.get(36 + session)?]);
            }
            CERTIFICATE => self.chain = certificates(body.get(3..)?)?,
            SERVER_KEY_EXCHANGE => {
                self.group = match body {
                    [NAMED_CURVE, high, low, ..] => Some(u16::from_be_bytes([*high, *low])),
                    _ => None,
                };
            }
            CERTIFICATE_REQUEST => self.wants_client_certificate = true,
            _ => {}
        }
        Some(())
    }
}

fn certificates(mut rest: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let mut all = Vec::new();
    while let [high, middle, low, after @ ..] = rest {
        let length = long([*high, *middle, *low]);
        all.push(CertificateDer::from(after.get(..length)?.to_vec()));
        rest = after.get(length..)?;
    }
    rest.is_empty().then_some(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0][..], &with_length(body)].concat()
    }

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 3, 1][..], &with_length(body)].concat()
    }

    fn flight(version: u16, suite: u16, curve: u16) -> Vec<u8> {
        let hello = [&version.to_be_bytes()[..], &[7; 32], &[0], &suite.to_be_bytes(), &[0]].concat();
        let one = [&[0][..], &with_length(b"leaf")].concat();
        let chain = [&[0][..], &with_length(&one)].concat();
        let exchange = [&[NAMED_CURVE][..], &curve.to_be_bytes(), &[1, 2, 3]].concat();
        [
            message(SERVER_HELLO, &hello),
            message(CERTIFICATE, &chain),
            message(SERVER_KEY_EXCHANGE, &exchange),
            message(SERVER_HELLO_DONE, &[]),
        ]
        .concat()
    }

    #[test]
    fn a_flight_is_read_however_it_is_cut_into_records_and_packets() {
        let whole = flight(TLS12, 0xc02f, 23);
        for cut in 1..whole.len() {
            let (first, second) = whole.split_at(cut);
            let bytes = [record(HANDSHAKE, first), record(HANDSHAKE, second)].concat();
            let mut listener = Listener::default();
            let mut last = Heard::Part;
            for packet in bytes.chunks(7) {
                assert_eq!(last, Heard::Part);
                last = listener.hear(packet);
            }
            assert_eq!(last, Heard::All, "cut at {cut}");
            assert_eq!(listener.flight.leaf(), Some(Fingerprint::of(b"leaf")));
            assert_eq!(listener.flight.hindrance(), None);
        }
    }

    #[test]
    fn what_hinders_a_handshake_is_named() {
        for (version, suite, curve, said) in [
            (0x0302, 0xc013, 23, "the server speaks TLS 1.1 at most"),
            (0x0301, 0xc013, 23, "the server speaks TLS 1.0 at most"),
            (TLS12, 0x009c, 23, "no common cipher suite: the server chose 0x009c"),
            (TLS12, 0xc02f, 25, "no common group: the server chose secp521r1"),
        ] {
            let mut listener = Listener::default();
            let heard = listener.hear(&record(HANDSHAKE, &flight(version, suite, curve)));
            assert_eq!(heard, Heard::All);
            assert_eq!(listener.flight.hindrance().as_deref(), Some(said));
        }
    }

    #[test]
    fn an_alert_and_what_is_no_tls_are_told_apart() {
        assert_eq!(Listener::default().hear(&record(ALERT, &[2, 40])), Heard::Alert(40));
        assert_eq!(Listener::default().hear(b"HTTP/1.1 400 Bad Request\r\n"), Heard::Part);
        assert_eq!(Listener::default().hear(&[b'H'; 30_000]), Heard::Strange);
        let much = vec![HANDSHAKE; LONGEST + 1];
        assert_eq!(Listener::default().hear(&much), Heard::Strange);
    }

    #[test]
    fn the_hello_says_its_own_lengths() {
        let hello = client_hello("www.example.test", [9; 32]);
        let length = |at: usize| usize::from(u16::from_be_bytes([hello[at], hello[at + 1]]));
        assert_eq!(length(3), hello.len() - 5);
        assert_eq!(length(7), hello.len() - 9);
        let name = b"www.example.test";
        assert!(hello.windows(name.len()).any(|window| window == name));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0_u8..30, at in 0_usize..200) {
            Listener::default().hear(&bytes);
            let mut inside = Listener::default();
            inside.hear(&record(HANDSHAKE, &message(kind, &bytes)));
            let mut broken = record(HANDSHAKE, &flight(TLS12, 0xc02f, 23));
            let at = at % broken.len();
            broken.splice(at..at, bytes.into_iter().take(3));
            Listener::default().hear(&broken);
        }
    }
}
