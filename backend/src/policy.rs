//! `aethex-cloud policy`: the policies that a game asks its players to accept, on the default game.

use super::Settings;
use aethex_backend::{app, privacy};
use aethex_wire::privacy::Policy;
use clap::{Args, Subcommand};

/// Policies that players are asked to accept.
#[derive(Debug, Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Publish a version. Players are asked to accept it the next time they play.
    Publish {
        /// Its name, for example `terms` or `privacy`.
        policy: String,
        /// Its version.
        version: String,
        /// Where it can be read: https://…
        url: String,
        /// The game cannot be used without accepting it.
        #[arg(long)]
        required: bool,
        #[command(flatten)]
        settings: Settings,
    },
    /// Print the newest version of each policy.
    List(Settings),
}

impl PolicyArgs {
    pub(crate) fn settings(&self) -> &Settings {
        match &self.command {
            PolicyCommand::Publish { settings, .. } | PolicyCommand::List(settings) => settings,
        }
    }

    /// Runs the command; what it has to say.
    pub(crate) async fn run(self, config: &aethex_backend::config::Config) -> Result<String, String> {
        let sql = app::open_sql(config).await.map_err(|error| error.to_string())?;
        sql.migrate(app::now_ms()).await.map_err(|error| error.to_string())?;
        let done = match self.command {
            PolicyCommand::Publish { policy, version, url, required, .. } => {
                let policy = Policy { policy, version, url, required, published_at_ms: 0 };
                let published = privacy::publish_from_terminal(&sql, policy).await;
                published.map(|policy| format!("published {}", line(&policy)))
            }
            PolicyCommand::List(_) => {
                let policies = privacy::policies_for_terminal(&sql).await;
                policies.map(|policies| policies.iter().map(line).collect::<Vec<_>>().join("\n"))
            }
        };
        sql.close().await;
        done
    }
}

fn line(policy: &Policy) -> String {
    let required = if policy.required { "required" } else { "optional" };
    format!("{} {} ({required}) {}", policy.policy, policy.version, policy.url)
}
