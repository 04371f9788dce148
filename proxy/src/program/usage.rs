//! `usage`: the report of the ledger.

use super::{Exit, World};
use crate::{
    chain::chain,
    cli::{self, By, Format},
    clock::SystemClock,
    config::{Config, LedgerStore, Table},
    ledger::{
        ReadError, dynamo,
        report::{self, Range, Row, render},
        sqlite,
    },
    upstream::{Environment, HttpClient, UpstreamSet},
};

/// Prints the report. Reads only; the proxy may be running.
pub(super) fn run(arguments: &cli::Usage, mut world: World<'_>) -> Exit {
    if let (Some(since), Some(until)) = (arguments.since, arguments.until)
        && since > until
    {
        world.say("--since is after --until");
        return Exit::Usage;
    }
    let Some((_, loaded)) = world.load(&arguments.config) else { return Exit::Usage };
    let by = match arguments.by {
        By::User => report::By::User,
        By::Model => report::By::Model,
        By::Day => report::By::Day,
    };
    let format = match arguments.format {
        Format::Table => report::Format::Table,
        Format::Csv => report::Format::Csv,
        Format::Json => report::Format::Json,
    };
    if let LedgerStore::Sqlite(path) = &loaded.config.ledger.store
        && !path.exists()
    {
        world.say(&format!("there is no ledger at {} yet: nothing has been recorded", path.display()));
        return Exit::Failed;
    }
    let range = Range::days(arguments.since, arguments.until);
    let rows = match &loaded.config.ledger.store {
        LedgerStore::Off => {
            world.say("this configuration keeps no ledger: `ledger.store` is off");
            return Exit::Usage;
        }
        LedgerStore::Sqlite(path) => sqlite::query(path, by, range).map_err(|error| told(&error)),
        LedgerStore::DynamoDb(table) => from_table(&loaded.config, table, by, range, &world),
    };
    match rows {
        Ok(rows) => {
            let _ = write!(world.stdout, "{}", render(&rows, by, format));
            Exit::Done
        }
        Err(error) => {
            world.say(&error);
            Exit::Failed
        }
    }
}

fn told(error: &ReadError) -> String {
    format!("{}: {}", error.code(), chain(error))
}

fn from_table(
    config: &Config,
    table: &Table,
    by: report::By,
    range: Range,
    world: &World<'_>,
) -> Result<Vec<Row>, String> {
    let environment =
        Environment::from_lookup(|name| world.variable(name)).map_err(|error| error.to_string())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let http = HttpClient::new(config.timeouts.connect).map_err(|error| error.to_string())?;
        let upstreams = UpstreamSet::new(config, environment, http, std::sync::Arc::new(SystemClock));
        dynamo::query(&*upstreams.table(table), &table.name, by, range).await.map_err(|error| told(&error))
    })
}
