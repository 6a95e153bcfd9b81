//! Every preset on its real server, as Debian installs it: `cargo xtask prove presets` gets what is missing and runs this.
//!
//! In namespaces of its own for mounts, processes and network: `/etc`, `/var` and `/run` are as before afterwards, nothing runs
//! on, and no port of the machine is used.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use domain::activation::PRESETS;
use domain::certificate::Fingerprint;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use testkit::pki::Identity;
use testkit::wait;

use crate::ended::tried_again;
use crate::world::{World, fingerprint, new_certificate};

const SOON: Duration = Duration::from_secs(30);
const WHICH: &str = "VIGILO_PRESET";

/// `$0` is an empty directory.
const NAMESPACES: &str = "ip link set lo up
mount -t tmpfs none \"$0\"
for part in etc var; do
  mkdir \"$0/$part\" \"$0/$part.work\"
  mount -t overlay none -o \"lowerdir=/$part,upperdir=$0/$part,workdir=$0/$part.work\" \"/$part\"
done
mount -t tmpfs none /run
mkdir /run/lock
exec \"$1\" --exact \"$2\" --ignored --nocapture";

/// How a server is set up with the pair `$1/www.crt` and `$1/www.crt.key`.
struct Server {
    /// A script.
    set_up: &'static str,
    start: &'static [&'static str],
    /// What is broken by a line that makes no sense; nothing for a server whose preset has no test.
    file: Option<&'static str>,
    /// For `openssl s_client`, with what it takes beside that.
    port: u16,
    speaks: &'static [&'static str],
}

#[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
fn server(preset: &str) -> Option<Server> {
    Some(match preset {
        "nginx" => Server {
            set_up: "echo \"server { listen 4430 ssl; ssl_certificate $1/www.crt; ssl_certificate_key $1/www.crt.key; }\" \
                     > /etc/nginx/conf.d/vigilo.conf",
            start: &["nginx"],
            file: Some("/etc/nginx/conf.d/vigilo.conf"),
            port: 4430,
            speaks: &[],
        },
        "apache" => Server {
            set_up: "a2enmod -q ssl
                     printf '%s\\n' 'Listen 4430' '<VirtualHost *:4430>' 'SSLEngine on' \"SSLCertificateFile $1/www.crt\" \
                     \"SSLCertificateKeyFile $1/www.crt.key\" '</VirtualHost>' > /etc/apache2/sites-enabled/vigilo.conf",
            start: &["apachectl", "start"],
            file: Some("/etc/apache2/sites-enabled/vigilo.conf"),
            port: 4430,
            speaks: &[],
        },
        "haproxy" => Server {
            set_up: "mkdir /run/haproxy
                     printf '%s\\n' 'frontend vigilo' \" bind 127.0.0.1:4430 ssl crt $1/www.crt\" >> /etc/haproxy/haproxy.cfg",
            start: &["service", "haproxy", "start"],
            file: Some("/etc/haproxy/haproxy.cfg"),
            port: 4430,
            speaks: &[],
        },
        "caddy" => Server {
            set_up: "printf '%s\\n' '{' ' auto_https disable_redirects' '}' 'https://www.example.test:4430 {' \
                     \" tls $1/www.crt $1/www.crt.key\" '}' > /etc/caddy/Caddyfile",
            start: &["caddy", "start", "--config", "/etc/caddy/Caddyfile"],
            file: Some("/etc/caddy/Caddyfile"),
            port: 4430,
            speaks: &[],
        },
        "postfix" => Server {
            set_up: "touch /etc/postfix/main.cf
                     postconf -e \"smtpd_tls_cert_file=$1/www.crt\" \"smtpd_tls_key_file=$1/www.crt.key\" \
                     smtpd_tls_security_level=may inet_interfaces=127.0.0.1 mydestination=localhost compatibility_level=3.6",
            start: &["postfix", "start"],
            file: Some("/etc/postfix/main.cf"),
            port: 25,
            speaks: &["-starttls", "smtp"],
        },
        "dovecot" => Server {
            set_up: "printf '%s\\n' 'ssl = required' \"ssl_cert = <$1/www.crt\" \"ssl_key = <$1/www.crt.key\" \
                     > /etc/dovecot/conf.d/99-vigilo.conf",
            start: &["dovecot"],
            file: Some("/etc/dovecot/conf.d/99-vigilo.conf"),
            port: 993,
            speaks: &[],
        },
        "postgresql" => Server {
            set_up: "rm -rf /etc/postgresql/*
                     version=$(ls /usr/lib/postgresql | sort -n | tail -1)
                     chown postgres \"$1/www.crt\" \"$1/www.crt.key\"
                     pg_createcluster \"$version\" vigilo -p 5499
                     printf '%s\\n' 'ssl = on' \"ssl_cert_file = '$1/www.crt'\" \"ssl_key_file = '$1/www.crt.key'\" \
                     >> \"/etc/postgresql/$version/vigilo/postgresql.conf\"",
            start: &["service", "postgresql", "start"],
            file: None,
            port: 5499,
            speaks: &["-starttls", "postgres"],
        },
        _ => return None,
    })
}

#[test]
#[ignore = "needs every server of the presets: cargo xtask prove presets"]
fn every_preset_works_on_its_real_server() -> Result<()> {
    ensure!(nix::unistd::geteuid().is_root(), "run it as root: it mounts");
    for preset in PRESETS {
        let scratch = tempfile::tempdir()?;
        let ran = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"])
            .args(["sh", "-ec", NAMESPACES])
            .arg(scratch.path())
            .arg(std::env::current_exe()?)
            .arg("presets::on_its_real_server")
            .env(WHICH, preset)
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        ensure!(ran.status.success() && said.contains("1 passed"), "{preset}: {said}");
        println!("{preset}: refused what was broken, and served what was new");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "run by the test above, in namespaces of its own"]
#[expect(
    clippy::disallowed_methods,
    reason = "the helper of a test is told by its environment what to do"
)]
async fn on_its_real_server() -> Result<()> {
    let preset = std::env::var(WHICH).context("which preset")?;
    let server = server(&preset).with_context(|| format!("{preset}: how is it set up?"))?;
    let (old, new, newest) = (new_certificate(), new_certificate(), new_certificate());
    let mut world = World::new()?;
    world.target.key_path = format!("{}.key", world.target.chain_path);
    world.target.key_mode = None;
    world.target.activate = Some(preset);
    let directory = world.path("");
    fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
    world.has(&old)?;
    fs::set_permissions(&world.target.key_path, Permissions::from_mode(0o600))?;
    let place = directory.display().to_string();
    run("sh", &["-ec", server.set_up, "sh", place.trim_end_matches('/')])?;
    run(server.start[0], &server.start[1..])?;
    served(&server, &old).await?;
    let rehearsed = world.rehearse().await?.checks;
    let cross = rehearsed.iter().find(|check| !check.passed && !check.advisory);
    ensure!(cross.is_none(), "{cross:?}");

    world.deploy(&new).await?;
    served(&server, &new).await?;

    world.next_run();
    if let Some(file) = server.file {
        let good = fs::read(file)?;
        fs::write(file, [good.as_slice(), b"\nvigilo makes no sense {\n"].concat())?;
        let failure = tried_again(world.try_deploy(&newest).await)?;
        ensure!(
            failure.code.as_str() == "DEP-0014" && failure.what.contains("nothing was touched"),
            "{failure:?}"
        );
        assert_eq!(world.pair()?, (new.chain_pem.clone(), new.key_pem.clone()));
        served(&server, &new).await?;
        fs::write(file, good)?;
    }
    world.deploy(&newest).await?;
    served(&server, &newest).await
}

/// What it says goes nowhere that it could hold open.
fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .current_dir("/");
    let status = command.status().with_context(|| program.to_owned())?;
    ensure!(status.success(), "{program} {arguments:?}: {status}");
    Ok(())
}

/// By a handshake of OpenSSL's.
async fn served(server: &Server, expected: &Identity) -> Result<()> {
    wait::until_ok("the expected certificate", SOON, async || {
        let address = format!("127.0.0.1:{}", server.port);
        let client = Command::new("openssl")
            .args(["s_client", "-connect", &address, "-servername", "www.example.test"])
            .args(server.speaks)
            .stdin(Stdio::null())
            .output()?;
        let leaf = CertificateDer::from_pem_slice(&client.stdout)
            .map_err(|_| anyhow::anyhow!("no certificate: {}", String::from_utf8_lossy(&client.stderr)))?;
        let (leaf, expected) = (Fingerprint::of(&leaf), fingerprint(expected));
        ensure!(leaf == expected, "{leaf} is served instead of {expected}");
        Ok(())
    })
    .await
}
