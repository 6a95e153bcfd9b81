//! What others on this machine can reach of `vigilo up`.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::world::Up;

fn mode(path: &Path) -> u32 {
    let seen = std::fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    seen.permissions().mode() & 0o777
}

#[test]
fn the_data_directory_the_logs_and_the_sockets_are_closed() {
    let up = Up::new();
    let data = up.directory.join("data");
    // As root, the group of Postgres' user may pass through, and no other user.
    let root = rustix::process::geteuid().is_root();
    assert_eq!(mode(&data), if root { 0o710 } else { 0o700 });
    for log in [
        "nats.log",
        "postgres.log",
        "nats.conf",
        "owner.token",
        "nats.nkey",
        "root.key",
        "postgres.password",
    ] {
        assert_eq!(mode(&data.join(log)) & 0o077, 0, "{log}");
    }
    for directory in ["postgres", "run"] {
        assert_eq!(mode(&data.join(directory)), 0o700, "{directory}");
    }
    let socket = data.join("run/.s.PGSQL.5432");
    assert!(socket.exists(), "Postgres is reached by its socket");
    let options = std::fs::read_to_string(data.join("postgres/data/postmaster.opts")).expect("its options");
    assert!(options.contains("\"listen_addresses=\""), "{options}");
    assert!(!data.join("initial.password").exists());
    if root {
        let owner = std::fs::metadata(data.join("postgres/data"))
            .expect("the cluster")
            .uid();
        assert_ne!(owner, 0, "Postgres refuses to be root");
    }
}
