//! Vigilo as its users start it: `vigilo up`, or one process per service over a NATS and a Postgres.

mod settings;
mod up;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use bus::Signer;
use serde_json::{Value, json};
use testkit::ports::{self, Port};
use testkit::ready::Ready;
use testkit::{Nats, Peer, Postgres, Spec, run_dir};

pub(crate) use self::settings::merge;
use self::settings::{by_hand, issuer, ladder, toml, windows};
pub use self::up::Up;
use crate::{Api, Estate};

/// The more orders are in flight, the more often a Pebble locks itself up for good: of rounds with three Pebbles that are
/// driven as fast as they go every fifth with eight, every fifteenth with six.
pub const ORDERS_PER_PEBBLE: u16 = 4;

/// A service of a fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Member {
    KeySigner,
    Planner,
    Issuer,
    Deployer,
    Verifier,
    Incident,
    Console,
}

impl Member {
    pub const ALL: [Self; 7] = [
        Self::KeySigner,
        Self::Planner,
        Self::Issuer,
        Self::Deployer,
        Self::Verifier,
        Self::Incident,
        Self::Console,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeySigner => "key-signer",
            Self::Planner => "planner",
            Self::Issuer => "issuer",
            Self::Deployer => "deployer",
            Self::Verifier => "verifier",
            Self::Incident => "incident",
            Self::Console => "console",
        }
    }
}

/// One process per service, with a NATS and a Postgres of its own.
pub struct Fleet {
    pub nats: Nats,
    pub postgres: Postgres,
    members: Vec<(Member, Peer)>,
    pub api: Api,
    url: String,
    token: String,
    /// Where the private keys of those who sign are.
    pub keys: PathBuf,
    /// How a further planner is configured.
    planner: (PathBuf, Value),
    ports: Vec<Port>,
}

/// Set where another binary than the one beside this program shall be started.
static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// From now on this binary is started; only the first choice counts.
pub fn choose_vigilo(binary: PathBuf) {
    // A second choice would mix two builds in one run.
    let _ = CHOSEN.set(binary);
}

/// The binary that was chosen, else the one that was built beside this one.
pub fn vigilo() -> Result<PathBuf> {
    if let Some(chosen) = CHOSEN.get() {
        return Ok(chosen.clone());
    }
    let own = std::env::current_exe().context("finding this program")?;
    let beside = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("vigilo"));
    let found = beside.into_iter().find(|path| path.is_file());
    found.context("the binary `vigilo` is not built: run `cargo build -p vigilo` with the same profile")
}

impl Fleet {
    /// All log in to NATS as one who may do everything.
    pub async fn start(estate: &Estate) -> Result<Self> {
        Self::start_with(estate, Value::Null).await
    }

    /// The same, with further settings in a table per service.
    pub async fn start_with(estate: &Estate, settings: Value) -> Result<Self> {
        let nats = Nats::start().await?;
        let login = (nats.user().to_owned(), nats.password().to_owned());
        let ground = Ground {
            nats,
            record: Record::Owner,
            keys: run_dir::fresh("keys", None)?,
            settings,
            former: None,
        };
        Self::over(estate, ground, |_| Ok(login.clone())).await
    }

    /// On the record that an earlier version has left; NATS is empty.
    pub async fn on(former: Former, estate: &Estate) -> Result<Self> {
        let nats = Nats::start().await?;
        let login = (nats.user().to_owned(), nats.password().to_owned());
        let ground = Ground {
            nats,
            record: Record::Owner,
            keys: run_dir::fresh("keys", None)?,
            settings: Value::Null,
            former: Some(former),
        };
        Self::over(estate, ground, |_| Ok(login.clone())).await
    }

    /// Each logs in to this NATS under its own name, with the password in the file of that name, and to Postgres with the
    /// role of its own.
    pub async fn guarded(estate: &Estate, nats: Nats, secrets: &Path) -> Result<Self> {
        let ground = Ground {
            nats,
            record: Record::Roles,
            keys: secrets.to_path_buf(),
            settings: Value::Null,
            former: None,
        };
        Self::over(estate, ground, |member| {
            let name = member.as_str();
            Ok((
                name.to_owned(),
                std::fs::read_to_string(secrets.join(name))?.trim().to_owned(),
            ))
        })
        .await
    }

    #[expect(clippy::too_many_lines, reason = "one story, told from its beginning to its end")]
    async fn over(estate: &Estate, ground: Ground, login: impl Fn(Member) -> Result<(String, String)>) -> Result<Self> {
        let Ground {
            nats,
            record,
            keys,
            settings,
            former,
        } = ground;
        let postgres = Postgres::durable().await?;
        postgres.database(DATABASE).await?;
        let directory = run_dir::fresh("fleet", None)?;
        if let Some(former) = former {
            postgres.run_script(DATABASE, &former.dump).await?;
            run_dir::write(&directory.join(ROOT_KEY), former.root_key, None)?;
        }
        let (listen, token) = (ports::lease()?, "a-token-for-this-test-only".to_owned());
        let config = Config {
            estate,
            nats: &nats,
            postgres: &postgres,
            record,
            api: listen.number(),
            token: &token,
        };
        let mut leases = vec![listen];
        let mut members = Vec::new();
        let login = |member| -> Result<Value> {
            let (user, password) = login(member)?;
            let mut login = json!({"nats": {"user": user, "password": password}});
            merge(&mut login, signatures(member, &keys)?);
            Ok(login)
        };
        let mut planner = config.of(Member::Planner, &directory, 0).await?;
        merge(&mut planner, login(Member::Planner)?);
        if record == Record::Roles {
            config.make_roles(&directory, &planner).await?;
        }
        // The planner makes the streams and the schema that the others find.
        for member in Member::ALL {
            let health = ports::lease()?;
            let mut values = config.of(member, &directory, health.number()).await?;
            merge(&mut values, login(member)?);
            if let Some(own) = settings.get(member.as_str()) {
                merge(&mut values, own.clone());
            }
            members.push((member, start(member, &directory, &values, health.number()).await?));
            leases.push(health);
        }
        let url = format!("http://127.0.0.1:{}", leases[0].number());
        Ok(Self {
            nats,
            postgres,
            members,
            api: Api::new(&url, &token)?,
            url,
            token,
            planner: (directory, planner),
            ports: leases,
            keys,
        })
    }

    /// One more planner beside those that run.
    pub async fn another_planner(&mut self) -> Result<()> {
        let health = ports::lease()?;
        let (directory, mut values) = self.planner.clone();
        merge(
            &mut values,
            json!({"health_listen": format!("127.0.0.1:{}", health.number())}),
        );
        let apart = directory.join(format!("planner-{}", self.members.len()));
        let peer = start(Member::Planner, &apart, &values, health.number()).await?;
        self.members.push((Member::Planner, peer));
        self.ports.push(health);
        Ok(())
    }

    pub fn member(&self, which: Member) -> Result<&Peer> {
        let found = self.members.iter().find(|(member, _)| *member == which);
        found
            .map(|(_, peer)| peer)
            .with_context(|| format!("{} is not in this fleet", which.as_str()))
    }

    /// A command of `vigilo` against this fleet.
    pub fn command(&self, args: &[&str]) -> Result<std::process::Command> {
        against(&self.url, &self.token, args)
    }

    /// kill -9, then the same command again.
    pub async fn kill_and_restart(&self, which: Member) -> Result<()> {
        let peer = self.member(which)?;
        peer.kill_hard()?;
        peer.start_again().await
    }
}

/// A command of `vigilo`, as this operator of this API.
fn against(url: &str, token: &str, args: &[&str]) -> Result<std::process::Command> {
    let mut command = std::process::Command::new(vigilo()?);
    command.args(args).env("VIGILO_URL", url).env("VIGILO_TOKEN", token);
    Ok(command)
}

const DATABASE: &str = "vigilo";
const ROOT_KEY: &str = "root.key";
const ROLES: &str = include_str!("../../../deploy/postgres/roles.sql");

/// With whose rights the services use Postgres.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    Owner,
    Roles,
}

/// What an earlier version has left.
pub struct Former {
    /// Its database as SQL.
    pub dump: String,
    /// Under which the secrets in it are sealed.
    pub root_key: [u8; 32],
}

/// What the services of a fleet stand on.
struct Ground {
    nats: Nats,
    record: Record,
    /// Where the private keys of those who sign are, and where they are all guarded, the passwords.
    keys: PathBuf,
    /// Further settings, in a table per service.
    settings: Value,
    former: Option<Former>,
}

struct Config<'a> {
    estate: &'a Estate,
    nats: &'a Nats,
    postgres: &'a Postgres,
    record: Record,
    api: u16,
    token: &'a str,
}

impl Config<'_> {
    fn url(&self, member: Member) -> String {
        match self.record {
            Record::Owner => self.postgres.url_of(DATABASE),
            Record::Roles => self.postgres.url_as(DATABASE, &format!("vigilo_{}", member.as_str())),
        }
    }

    /// As deploy/postgres says: a planner with the owner's URL makes the schema, then everybody gets a role.
    async fn make_roles(&self, directory: &Path, planner: &Value) -> Result<()> {
        let (health, mut values) = (ports::lease()?, planner.clone());
        let owner = json!({"database_url": self.postgres.url_of(DATABASE),
                           "health_listen": format!("127.0.0.1:{}", health.number())});
        merge(&mut values, owner);
        let first = start(Member::Planner, &directory.join("owner"), &values, health.number()).await?;
        first.stop().await?;
        self.postgres.run_script(DATABASE, ROLES).await
    }

    async fn of(&self, member: Member, directory: &Path, health: u16) -> Result<Value> {
        let mut values = json!({
            "nats": {"url": self.nats.url()},
            "health_listen": format!("127.0.0.1:{health}"),
        });
        let own = match member {
            Member::KeySigner => json!({"root_key_file": directory.join(ROOT_KEY), "create_root_key": true}),
            Member::Planner => {
                json!({"database_url": self.url(member), "windows": windows(), "retry": ladder(), "schedule": by_hand()})
            }
            Member::Issuer => issuer(self.estate),
            Member::Deployer => self.estate.deployer(),
            Member::Verifier => json!({"trust_files": [self.estate.trust_file().await?], "use_native_roots": false}),
            Member::Incident => json!({"database_url": self.url(member)}),
            Member::Console => json!({
                "database_url": self.url(member), "listen": format!("127.0.0.1:{}", self.api), "owner_token": self.token,
            }),
        };
        merge(&mut values, own);
        Ok(values)
    }
}

/// Whom a member believes, and what it signs with, from the keys in this directory; they are made when they are not there.
pub(crate) fn signatures(member: Member, keys: &Path) -> Result<Value> {
    let signers = Signer::lines_in(keys, true).map_err(anyhow::Error::msg)?;
    let mut nats = json!({"signers": signers});
    let own = Signer::ALL
        .into_iter()
        .find(|signer| signer.as_str() == member.as_str());
    if let Some(signer) = own {
        nats["signing_key_file"] = json!(signer.key_file(keys));
    }
    Ok(json!({"nats": nats}))
}

/// Starts one service with these settings and waits until it is ready.
pub(crate) async fn start(member: Member, directory: &Path, values: &Value, health: u16) -> Result<Peer> {
    let name = member.as_str();
    let own = directory.join(name);
    std::fs::create_dir_all(&own)?;
    let file = own.join("config.toml");
    run_dir::write(&file, &toml(values)?, None)?;
    let ready = Ready::Http {
        client: reqwest::Client::new(),
        url: format!("http://127.0.0.1:{health}/readyz"),
    };
    let spec = Spec::new(name, vigilo()?, &own, ready)
        .args([name, "--config"])
        .arg(file.display().to_string());
    Peer::start(spec).await.with_context(|| format!("starting {name}"))
}

/// How long a batch of so many runs may take on a slow, busy machine before a test calls it stuck.
pub fn bound(runs: usize) -> Duration {
    Duration::from_secs(120 + runs as u64 * 2)
}
