//! A private PostgreSQL: one cluster per test process, one database per test, made from a migrated template.
//!
//! The cluster listens on a socket in its own folder and nowhere else. A shell holds it: when this process
//! ends, however it ends, the pipe to the shell closes, and the shell stops the cluster and removes it.

use crate::process::lines_of;
use aethex_backend::app::open_sql;
use aethex_backend::config::Config;
use parking_lot::Mutex;
use sqlx::{Connection, Executor, PgConnection};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

const TEMPLATE: &str = "aethex_template";
/// How long an order may take: `pg_ctl` itself gives up after a minute.
const ANSWER_MAX: Duration = Duration::from_secs(90);

/// Starts the cluster under the shell's watch: `$1` the programs, `$2` the folder, `$3` how to become the
/// database's user. Says `ready`, then stops and starts it as it is told, until the end of its input.
const WATCH: &str = r#"
trap '' INT TERM HUP
bin=$1 dir=$2 user=$3
as() { if [ -n "$user" ]; then setpriv --reuid="$user" --regid="$user" --clear-groups "$@"; else "$@"; fi; }
as "$bin/initdb" -D "$dir/data" -U admin -A trust -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 || { echo failed; exit 1; }
start() {
as "$bin/pg_ctl" -D "$dir/data" -l "$dir/server.log" -w -t 60 -o "-k $dir -c listen_addresses= -c fsync=off \
-c full_page_writes=off -c autovacuum=off -c max_connections=200 -c shared_buffers=32MB" start >>"$dir/log" 2>&1
}
stop() { as "$bin/pg_ctl" -D "$dir/data" -m fast -w -t 60 stop >>"$dir/log" 2>&1; }
start || { echo failed; exit 1; }
# As in production the backend is no superuser: row-level security holds for it.
as "$bin/psql" -q -h "$dir" -U admin -d postgres -c "CREATE ROLE aethex LOGIN CREATEDB" \
-c "CREATE DATABASE aethex OWNER aethex" >>"$dir/log" 2>&1 || { echo failed; exit 1; }
echo ready
while read -r word; do
case $word in start) start ;; stop) stop ;; *) false ;; esac && echo done || echo failed
done
as "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
rm -rf "$dir"
"#;

/// A running PostgreSQL.
#[derive(Debug)]
struct Cluster {
    folder: PathBuf,
    watch: Mutex<Watch>,
}

/// The shell that holds it.
#[derive(Debug)]
struct Watch {
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    shell: Child,
}

/// A PostgreSQL of one test, which may be stopped and started: nobody else is on it.
#[derive(Debug)]
pub struct Private(Cluster);

impl Private {
    /// Starts one.
    pub fn start_new() -> Private {
        Private(start())
    }

    /// What the backend's `database.url` wants: an empty database.
    pub fn url(&self) -> String {
        self.0.url("aethex")
    }

    /// Ends it as an operator's restart does: sessions are cut off, nothing is lost.
    pub fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again.
    pub fn start(&self) {
        self.order("start");
    }

    fn order(&self, word: &str) {
        let mut watch = self.0.watch.lock();
        let orders = watch.orders.as_mut().expect("the pipe is open until the end");
        writeln!(orders, "{word}").unwrap();
        let said = watch.answers.recv_timeout(ANSWER_MAX).unwrap_or_default();
        assert_eq!(said, "done", "PostgreSQL did not {word}");
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        let watch = self.0.watch.get_mut();
        // The end of its input tells the shell to stop the cluster and to clean up.
        drop(watch.orders.take());
        let _ = watch.shell.wait();
    }
}

/// A database of its own.
#[derive(Debug)]
pub struct Database {
    /// What the backend's `database.url` wants.
    pub url: String,
}

impl Database {
    /// A fresh, migrated database.
    pub async fn create() -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static TEMPLATE_MADE: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
        // Copies of one template cannot be made at once while anyone is connected to it.
        static COPYING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
        let cluster = tokio::task::spawn_blocking(cluster).await.unwrap();
        TEMPLATE_MADE.get_or_init(|| make_template(cluster)).await;
        let name = format!("aethex_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let copying = COPYING.lock().await;
        run(cluster, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy")).await;
        drop(copying);
        Database { url: cluster.url(&name) }
    }
}

impl Cluster {
    fn url(&self, database: &str) -> String {
        format!("postgres://aethex@localhost/{database}?host={}", self.folder.display())
    }
}

async fn run(cluster: &Cluster, statement: &str) {
    let mut connection = PgConnection::connect(&cluster.url("aethex")).await.unwrap();
    connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

async fn make_template(cluster: &Cluster) {
    run(cluster, &format!("CREATE DATABASE {TEMPLATE}")).await;
    let mut config = Config::for_tests(&cluster.folder);
    config.database.url = cluster.url(TEMPLATE);
    config.database.connections_max = 1;
    let sql = open_sql(&config).await.unwrap();
    sql.migrate(aethex_backend::app::now_ms()).await.unwrap();
    sql.close().await;
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(start)
}

fn start() -> Cluster {
    let bin = programs();
    let folder = tempfile::Builder::new().prefix("aethex-pg-").tempdir().unwrap().keep();
    let user = if is_root() {
        give_to_postgres(&folder);
        "postgres"
    } else {
        ""
    };
    let mut shell = Command::new("sh")
        .args(["-c", WATCH, "aethex-pg-watch"])
        .args([bin.as_os_str(), folder.as_os_str(), user.as_ref()])
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a POSIX shell is there");
    let orders = shell.stdin.take();
    let answers = lines_of(shell.stdout.take().unwrap());
    if answers.recv_timeout(ANSWER_MAX).as_deref() != Ok("ready") {
        let log = ["log", "server.log"]
            .map(|name| std::fs::read_to_string(folder.join(name)).unwrap_or_default())
            .join("\n");
        let _ = std::fs::remove_dir_all(&folder);
        panic!("PostgreSQL of {} did not start: {log}", bin.display());
    }
    Cluster { folder, watch: Mutex::new(Watch { orders, answers, shell }) }
}

/// The folder of PostgreSQL's programs: `AETHEX_TEST_PG_BIN`, or the newest installed.
fn programs() -> PathBuf {
    if let Some(bin) = std::env::var_os("AETHEX_TEST_PG_BIN") {
        return bin.into();
    }
    let installed = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = installed
        .filter_map(|entry| {
            entry.file_name().to_str()?.parse::<u32>().ok().map(|major| (major, entry.path()))
        })
        .max();
    match newest {
        Some((_, path)) => path.join("bin"),
        None => panic!(
            "PostgreSQL is not installed: install it, or set AETHEX_TEST_PG_BIN to its programs' folder"
        ),
    }
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// PostgreSQL refuses to run as root.
fn give_to_postgres(folder: &Path) {
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let postgres =
        users.lines().find(|line| line.starts_with("postgres:")).expect("a user `postgres` is there");
    let mut fields = postgres.split(':').skip(2).map(|id| id.parse::<u32>().ok());
    let (uid, gid) = (fields.next().flatten(), fields.next().flatten());
    std::os::unix::fs::chown(folder, uid, gid).unwrap();
}
