//! A directory with a target in it, a key-signer that opens what it is told to, and orders.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::{Context, Result, bail};
use bus::{Progress, StepContext, StepError, StepHandler};
use deployer::allowed::{Allowed, Commands, OfWorkspace};
use deployer::handler::Deploy;
use deployer::keys::KeyError;
use deployer::ready::Found;
use deployer::rollback::Rollback;
use deployer::targets::Targets;
use deployer::targets::file::Backups;
use domain::certificate::{CertificateFacts, Fingerprint};
use domain::clock::Clock;
use domain::disposition::Question;
use domain::run::{Check, Mode, Product, Receipt, Rehearsal, RolledBack, Step};
use domain::target::{AccessList, FileTarget, Target};
use domain::{RunId, Timestamp, WorkspaceId};
use protocol::order::{DeploySpec, DeployedCertificate, Order, RollbackSpec};
use protocol::target_check::TargetsOf;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use testkit::pki::{Identity, about_to_expire};

use crate::keys::{FakeKeys, envelope};

/// Where backups and marks are.
pub const BACKUPS: &str = ".vigilo-backups";

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

pub struct World {
    directory: tempfile::TempDir,
    pub target: FileTarget,
    pub run: RunId,
    /// Whose policy it is.
    pub hostname: String,
    targets: Arc<Targets>,
    deploy: Deploy<FakeKeys>,
    rollback: Rollback,
    keys: FakeKeys,
    roots: Vec<PathBuf>,
    activations: BTreeMap<String, Commands>,
    backups: usize,
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub fn now() -> Timestamp {
    Timestamp::from_unix(NOW).expect("a date")
}

pub fn context() -> StepContext {
    StepContext::new(Arc::new(At(now())))
}

pub fn new_certificate() -> Identity {
    about_to_expire("www.example.test").expect("a certificate")
}

impl World {
    pub fn new() -> Result<Self> {
        Self::keeping(3)
    }

    pub fn keeping(backups: usize) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = |name: &str| directory.path().join(name).display().to_string();
        let target = FileTarget {
            chain_path: path("www.crt"),
            key_path: path("www.key"),
            owner: None,
            group: None,
            key_mode: Some("0640".to_owned()),
            chain_mode: None,
            access_list: AccessList::Keep,
            activate: None,
            activate_timeout_seconds: 30,
            reload: None,
            serves_at: Vec::new(),
            group_name: None,
        };
        let keys = FakeKeys {
            answer: Arc::new(std::sync::Mutex::new(Ok(String::new()))),
            by_envelope: Arc::default(),
            opened: Arc::default(),
        };
        let roots = vec![directory.path().to_owned()];
        let allowed = allowed(&roots, &BTreeMap::new())?;
        let targets = targets(allowed, backups);
        Ok(Self {
            directory,
            target,
            run: RunId::new(),
            hostname: "www.example.test".to_owned(),
            targets: Arc::clone(&targets),
            deploy: Deploy::new(keys.clone(), Arc::clone(&targets)),
            rollback: Rollback::new(targets),
            keys,
            roots,
            activations: BTreeMap::new(),
            backups,
        })
    }

    /// The deployer may write below these directories only.
    pub fn allow_only(&mut self, roots: &[PathBuf]) {
        self.roots = roots.to_vec();
        self.configure();
    }

    /// The deployer is started anew with what it is allowed now.
    fn configure(&mut self) {
        let allowed = allowed(&self.roots, &self.activations).expect("a configuration");
        let targets = targets(allowed, self.backups);
        self.targets = Arc::clone(&targets);
        self.deploy = Deploy::new(self.keys.clone(), Arc::clone(&targets));
        self.rollback = Rollback::new(targets);
    }

    /// The deployer's configuration has this activation.
    pub fn allow(&mut self, name: &str, commands: Commands) {
        self.activations.insert(name.to_owned(), commands);
        self.configure();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Its server is made to read the files by this script.
    pub fn activates_with(&mut self, script: &str) {
        self.activates_within(script, 20);
    }

    pub fn activates_within(&mut self, script: &str, timeout_seconds: u32) {
        self.activates(shell(script), Vec::new());
        self.target.activate_timeout_seconds = timeout_seconds;
    }

    /// Tested first, then told.
    pub fn activates_with_test(&mut self, script: &str, test: &str) {
        self.activates(shell(script), shell(test));
    }

    pub fn activates_by(&mut self, program: &str) {
        self.activates(vec![program.to_owned()], Vec::new());
    }

    fn activates(&mut self, command: Vec<String>, test: Vec<String>) {
        self.allow("hook", Commands { command, test });
        self.target.activate = Some("hook".to_owned());
        self.target.activate_timeout_seconds = 20;
    }

    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    pub fn next_run(&mut self) {
        self.run = RunId::new();
    }

    pub fn key_signer_says(&self, answer: Result<String, KeyError>) {
        *self.keys.answer.lock().expect("no test panics while it holds this") = answer;
    }

    pub fn keys_opened(&self) -> u32 {
        self.keys.opened.load(Ordering::SeqCst)
    }

    pub fn order(&self, certificate: Option<DeployedCertificate>) -> Order<DeploySpec> {
        Order {
            schema: 1,
            run_id: self.run,
            workspace: WorkspaceId::default_workspace(),
            hostname: self.hostname.parse().expect("a hostname"),
            step: Step::Deploy(0),
            attempt: 3,
            mode: if certificate.is_some() {
                Mode::Live
            } else {
                Mode::DryRun
            },
            failures: 0,
            wait_seconds: 60,
            deadline: now().plus(std::time::Duration::from_secs(60)),
            checkpoint: None,
            spec: DeploySpec {
                target: Target::File(self.target.clone()),
                certificate,
                sans: Vec::new(),
            },
        }
    }

    /// Orders this certificate, with the key that the key-signer opens.
    pub async fn try_deploy(&self, new: &Identity) -> Result<(Receipt, Vec<Check>), StepError> {
        self.key_signer_says(Ok(new.key_pem.clone()));
        self.carry_out(&self.order(Some(deployed(new)))).await
    }

    /// Two targets of the directory at the same moment: their files are called so.
    pub async fn deploy_both(
        &self,
        [first, second]: [(&str, &Identity); 2],
    ) -> (Result<Receipt, StepError>, Result<Receipt, StepError>) {
        let order = |(name, new): (&str, &Identity)| {
            let mut order = self.order(Some(deployed(new)));
            order.spec.target = Target::File(FileTarget {
                chain_path: self.path(&format!("{name}.crt")).display().to_string(),
                key_path: self.path(&format!("{name}.key")).display().to_string(),
                ..self.target.clone()
            });
            order
        };
        self.keys.knows(first.1);
        self.keys.knows(second.1);
        let (first, second) = (order(first), order(second));
        let (first, second) = tokio::join!(self.carry_out(&first), self.carry_out(&second));
        (first.map(|(receipt, _)| receipt), second.map(|(receipt, _)| receipt))
    }

    pub async fn carry_out(&self, order: &Order<DeploySpec>) -> Result<(Receipt, Vec<Check>), StepError> {
        self.carry_out_at(now(), order).await
    }

    pub async fn carry_out_at(
        &self,
        now: Timestamp,
        order: &Order<DeploySpec>,
    ) -> Result<(Receipt, Vec<Check>), StepError> {
        let ctx = StepContext::new(Arc::new(At(now)));
        match self.deploy.carry_out(order, &ctx).await? {
            Progress::Done(Product::Deployed(receipt)) => Ok((receipt, ctx.take_notes().checks)),
            other => panic!("a deployment ends with a receipt, not with {other:?}"),
        }
    }

    pub async fn deploy(&self, new: &Identity) -> Result<Receipt> {
        match self.try_deploy(new).await {
            Ok((receipt, _)) => Ok(receipt),
            Err(error) => bail!("the deployment did not succeed: {error:?}"),
        }
    }

    /// Takes an installation of this run back.
    pub async fn try_roll_back(&self, receipt: &Receipt) -> Result<RolledBack, StepError> {
        let order = self.order(None);
        let spec = RollbackSpec {
            target: order.spec.target.clone(),
            receipt: receipt.clone(),
        };
        let order = Order {
            step: Step::Rollback(0),
            mode: Mode::Live,
            ..order.with(spec)
        };
        match self.rollback.carry_out(&order, &context()).await? {
            Progress::Done(Product::RolledBack(back)) => Ok(back),
            other => panic!("a rollback ends with what is back, not with {other:?}"),
        }
    }

    pub async fn roll_back(&self, receipt: &Receipt) -> Result<RolledBack> {
        let back = self.try_roll_back(receipt).await;
        back.map_err(|error| anyhow::anyhow!("the rollback did not succeed: {error:?}"))
    }

    /// A certificate with its key is in place, as a server has it before its renewal.
    pub fn has(&self, old: &Identity) -> Result<()> {
        fs::write(&self.target.chain_path, &old.chain_pem)?;
        Ok(fs::write(&self.target.key_path, &old.key_pem)?)
    }

    /// The pair that is in place.
    pub fn pair(&self) -> Result<(String, String)> {
        Ok((self.chain()?, self.key()?))
    }

    pub async fn rehearse(&self) -> Result<Rehearsal> {
        let rehearsal = self.deploy.rehearse(&self.order(None), &context()).await;
        rehearsal.map_err(|error| anyhow::anyhow!("the rehearsal broke off: {error:?}"))
    }

    pub fn chain(&self) -> Result<String> {
        read(Path::new(&self.target.chain_path))
    }

    pub fn key(&self) -> Result<String> {
        read(Path::new(&self.target.key_path))
    }

    /// What a deployer finds wrong before a certificate is ordered.
    pub async fn unready(&self) -> Option<Question> {
        let targets = TargetsOf {
            run_id: self.run,
            workspace: WorkspaceId::default_workspace(),
            hostname: self.hostname.parse().expect("a hostname"),
            sans: Vec::new(),
            targets: vec![Target::File(self.target.clone())],
        };
        match deployer::ready::check(&self.targets, &targets, now()).await {
            Found::Unready(question) => Some(question),
            Found::Ready | Found::Partly(_) => None,
        }
    }

    /// All names in the directory, sorted, but that of the backups.
    pub fn names(&self) -> Result<Vec<String>> {
        let names = names_in(self.directory.path())?;
        Ok(names.into_iter().filter(|name| name != BACKUPS).collect())
    }

    /// What is kept beside the files.
    pub fn backups(&self) -> Result<Vec<String>> {
        let names = names_in(&self.path(BACKUPS))?;
        Ok(names.into_iter().filter(|name| !name.ends_with(".policy")).collect())
    }
}

fn names_in(directory: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn targets(allowed: Allowed, kept: usize) -> Arc<Targets> {
    let age = std::time::Duration::from_secs(30 * 24 * 3600);
    Arc::new(Targets::new(allowed, Backups { kept, age }))
}

fn allowed(roots: &[PathBuf], activations: &BTreeMap<String, Commands>) -> Result<Allowed> {
    let own = OfWorkspace {
        allowed_roots: None,
        activations: activations.clone(),
    };
    let workspaces = BTreeMap::from([(WorkspaceId::default_workspace().to_string(), own)]);
    let presets = deployer::Config::default().presets;
    Ok(Allowed::read(roots, &presets, &workspaces)?)
}

pub fn shell(script: &str) -> Vec<String> {
    ["sh", "-c", script].map(str::to_owned).to_vec()
}

pub fn deployed(new: &Identity) -> DeployedCertificate {
    DeployedCertificate {
        chain_pem: new.chain_pem.clone(),
        leaf: fingerprint(new),
        sealed_key: Some(envelope(new).try_into().expect("an envelope")),
    }
}

pub fn fingerprint(new: &Identity) -> Fingerprint {
    let leaf = CertificateDer::from_pem_slice(new.chain_pem.as_bytes()).expect("a certificate");
    CertificateFacts::read(&leaf).expect("a certificate").fingerprint
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

pub fn mode(path: &Path) -> Result<u32> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o777)
}

pub fn inode(path: &str) -> Result<u64> {
    Ok(fs::metadata(path)?.ino())
}

pub fn evidence<'a>(checks: &'a [Check], name: &str) -> Result<&'a str> {
    let check = checks.iter().find(|check| check.name == name);
    Ok(&check.with_context(|| format!("{name}: {checks:?}"))?.evidence)
}
