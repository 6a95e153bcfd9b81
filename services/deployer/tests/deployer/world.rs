//! A directory with a target in it, a key-signer that opens what it is told to, and orders.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};
use bus::{Progress, StepContext, StepError, StepHandler};
use deployer::handler::Deploy;
use deployer::keys::{KeyError, LeafKeys, SealedKey};
use deployer::rollback::Rollback;
use deployer::targets::file::FileInstaller;
use domain::certificate::{CertificateFacts, Fingerprint};
use domain::clock::Clock;
use domain::disposition::{Disposition, Failure, Question};
use domain::run::{Check, Mode, Product, Receipt, Rehearsal, RolledBack, Step};
use domain::target::{FileTarget, Reload, Target};
use domain::{RunId, Timestamp, WorkspaceId};
use protocol::order::{DeploySpec, DeployedCertificate, Order, RollbackSpec};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use testkit::pki::{Identity, about_to_expire};
use zeroize::Zeroizing;

/// 2026-01-01T00:00:00Z.
const NOW: i64 = 1_767_225_600;

pub struct World {
    directory: tempfile::TempDir,
    pub target: FileTarget,
    pub run: RunId,
    deploy: Deploy<FakeKeys>,
    rollback: Rollback,
    keys: FakeKeys,
}

/// Opens every envelope to one key, and counts.
#[derive(Clone)]
pub struct FakeKeys {
    answer: Arc<std::sync::Mutex<Result<String, KeyError>>>,
    opened: Arc<AtomicU32>,
}

impl LeafKeys for FakeKeys {
    async fn open(&self, _sealed: &SealedKey<'_>) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().expect("no test panics while it holds this").clone();
        answer.map(|pem| Zeroizing::new(pem.into_bytes()))
    }
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
            key_mode: "0640".to_owned(),
            reload: None,
            serves_at: Vec::new(),
            group_name: None,
        };
        let keys = FakeKeys {
            answer: Arc::new(std::sync::Mutex::new(Ok(String::new()))),
            opened: Arc::default(),
        };
        let file = Arc::new(FileInstaller::new(Vec::new(), backups));
        Ok(Self {
            directory,
            target,
            run: RunId::new(),
            deploy: Deploy::new(keys.clone(), Arc::clone(&file)),
            rollback: Rollback::new(file),
            keys,
        })
    }

    /// The deployer may write below these directories only.
    pub fn allow_only(&mut self, root: &Path) -> Result<()> {
        let file = Arc::new(FileInstaller::new(vec![root.canonicalize()?], 3));
        self.deploy = Deploy::new(self.keys.clone(), Arc::clone(&file));
        self.rollback = Rollback::new(file);
        Ok(())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn reloads_with(&mut self, script: &str) {
        self.reloads_within(script, 20);
    }

    pub fn reloads_within(&mut self, script: &str, timeout_seconds: u32) {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        self.target.reload = Some(Reload {
            command,
            timeout_seconds,
        });
    }

    pub fn reloads_by(&mut self, program: &str) {
        let command = vec![program.to_owned()];
        self.target.reload = Some(Reload {
            command,
            timeout_seconds: 20,
        });
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
            hostname: "www.example.test".parse().expect("a hostname"),
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
            },
        }
    }

    /// Orders this certificate, with the key that the key-signer opens.
    pub async fn try_deploy(&self, new: &Identity) -> Result<(Receipt, Vec<Check>), StepError> {
        self.key_signer_says(Ok(new.key_pem.clone()));
        self.carry_out(&self.order(Some(deployed(new)))).await
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

    /// All names in the directory, sorted.
    pub fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.directory.path())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

pub fn deployed(new: &Identity) -> DeployedCertificate {
    DeployedCertificate {
        chain_pem: new.chain_pem.clone(),
        leaf: fingerprint(new),
        sealed_key: Some(
            "cmek:v1:sealed-for-the-test"
                .to_owned()
                .try_into()
                .expect("an envelope"),
        ),
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

/// The question that an error puts to a person.
pub fn asked<T>(ended: Result<T, StepError>) -> Result<Question> {
    match ended.map(|_| ()).map_err(|error| error.disposition) {
        Err(Disposition::NeedsHuman(question)) => Ok(question),
        other => bail!("a question was expected, not {other:?}"),
    }
}

/// What is tried again by itself.
pub fn tried_again<T>(ended: Result<T, StepError>) -> Result<Failure> {
    match ended.map(|_| ()).map_err(|error| error.disposition) {
        Err(Disposition::RetryAt(_, failure)) => Ok(failure),
        other => bail!("another try was expected, not {other:?}"),
    }
}

pub fn failed<T>(ended: Result<T, StepError>) -> Result<Failure> {
    match ended.map(|_| ()).map_err(|error| error.disposition) {
        Err(Disposition::Fail(failure)) => Ok(failure),
        other => bail!("a failure was expected, not {other:?}"),
    }
}
