//! Little room on the disk. Needs root, who may mount a small file system; others skip it and say so.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::{Up, fresh, port, start, until};

/// A file system of its own, gone at the end.
struct Disk(PathBuf);

impl Disk {
    fn of(mib: u32) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root may mount a small disk");
            return None;
        }
        let directory = fresh();
        let size = format!("size={mib}m,mode=755");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "vigilo-test"])
            .arg(&directory)
            .status();
        assert!(mounted.expect("mount runs").success());
        Some(Self(directory))
    }

    /// As big as there is room, and a little less.
    fn fill(&self) -> PathBuf {
        let file = self.0.join("fill");
        let mut filling = std::fs::File::create(&file).expect("a file");
        let block = vec![b'x'; 4 << 10];
        while std::io::Write::write_all(&mut filling, &block).is_ok() {}
        file
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn word(up: &Up, key: &str) -> Option<String> {
    Some(up.health()?[key].as_str()?.to_owned())
}

#[test]
fn half_a_gigabyte_is_enough_and_is_called_low() {
    let Some(disk) = Disk::of(500) else { return };
    let mut up = Up::at(disk.0.clone(), &[]);
    until("the disk is called low", || (word(&up, "disk")? == "low").then_some(()));
    let health = up.health().expect("health");
    assert_eq!(
        (&health["status"], &health["nats"]),
        (&"ok".into(), &"ok".into()),
        "{health}"
    );
    let said = health["problems"].to_string();
    assert!(said.contains("MiB are free") && said.contains("512 MiB"), "{said}");
    until("the log says so too", || {
        up.log().contains("up.room.low_mib").then_some(())
    });
    // It comes back with what is left.
    let filler = disk.0.join("ballast");
    std::fs::write(&filler, vec![b'x'; 200 << 20]).expect("room for it");
    up.stop();
    up.again();
    up.stop();
}

#[test]
fn a_disk_that_is_too_small_is_refused_with_both_numbers() {
    let Some(disk) = Disk::of(100) else { return };
    let mut refused = start(&disk.0, port(), &[]);
    let status = until("the refusal", || refused.try_wait().expect("a child"));
    assert_eq!(status.code(), Some(69));
    let log = std::fs::read_to_string(disk.0.join("log")).expect("a log");
    assert!(
        log.contains("MiB are free") && log.contains("256 MiB") && log.contains("--data-dir"),
        "{log}"
    );
    assert!(!Path::new(&disk.0.join("data/postgres/data")).exists());
}

#[test]
fn a_full_disk_is_told_and_after_it_has_room_nats_stores_again() {
    let Some(disk) = Disk::of(500) else { return };
    let up = Up::at(disk.0.clone(), &[]);
    let filler = disk.fill();
    until("health says that nothing can be stored", || {
        let health = up.health()?;
        (health["status"] == "down" && health["disk"] == "full" && health["nats"] != "ok").then_some(())
    });
    std::fs::remove_file(filler).expect("room again");
    until("all is well", || (word(&up, "status")? == "ok").then_some(()));
    assert!(up.log().contains("started anew"), "{}", up.log());
    let added = up.command(&["host", "add", "www.example.org"]).status().expect("runs");
    assert!(added.success());
}
