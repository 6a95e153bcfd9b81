//! Two files in a directory of this machine.

use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::Result;
use deployer::targets::{Installation, Job};
use domain::target::Target;
use domain::{Hostname, WorkspaceId};
use testkit::pki::Identity;

use super::Counterpart;
use crate::world::{World, now};

struct Files {
    world: World,
    target: Target,
    workspace: WorkspaceId,
    hostname: Hostname,
}

impl Counterpart for Files {
    fn new() -> Result<Self> {
        let world = World::new()?;
        Ok(Self {
            target: Target::File(world.target.clone()),
            hostname: world.hostname.parse()?,
            workspace: WorkspaceId::default_workspace(),
            world,
        })
    }

    fn installation(&self) -> Box<dyn Installation + '_> {
        self.world.targets().at(&self.target)
    }

    fn job(&self) -> Job<'_> {
        Job {
            workspace: &self.workspace,
            run: self.world.run,
            hostname: &self.hostname,
            sans: &[],
            now: now(),
        }
    }

    fn next_run(&mut self) {
        self.world.next_run();
    }

    fn has(&self, pair: &Identity) -> Result<()> {
        self.world.has(pair)
    }

    fn content(&self) -> Result<String> {
        let mut all = String::new();
        for name in self.world.names()? {
            all += &format!("{name}:\n{}", fs::read_to_string(self.world.path(&name))?);
        }
        Ok(all)
    }

    fn traces(&self) -> Result<String> {
        let mut all = format!("{:?}", self.world.backups().unwrap_or_default());
        for name in self.world.names()? {
            let about = fs::metadata(self.world.path(&name))?;
            all += &format!("{name}: {} {:o} {}\n", about.ino(), about.mode(), about.mtime());
        }
        Ok(all)
    }
}

super::for_body!(Files);
