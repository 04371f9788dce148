//! `check-config`: everything that is wrong with a configuration and the files that it names.

use std::path::Path;

use model::document::Problem;

use super::{Exit, World};
use crate::{
    clock::{Clock as _, SystemClock},
    config,
    upstream::{Environment, UpstreamSet},
};

/// Exit 0 where `serve` would start, 2 otherwise.
pub(super) fn run(path: &Path, mut world: World<'_>) -> Exit {
    let Some((_, loaded)) = world.load(path) else { return Exit::Usage };
    let mut problems = loaded.warnings.clone();
    problems.extend(config::check_files(&loaded, SystemClock.now()));
    let text = config::read_file(path).ok();
    if !problems.is_empty() {
        world.show(&problems, path, text.as_deref());
    }
    match Environment::from_lookup(|name| world.variable(name)) {
        Ok(environment) => {
            for finding in UpstreamSet::findings(&loaded.config, &environment) {
                world.find(&finding);
            }
        }
        Err(error) => {
            world.say(&error.to_string());
            return Exit::Usage;
        }
    }
    if problems.iter().any(Problem::is_error) {
        return Exit::Usage;
    }
    let warnings = problems.len();
    let _ = match warnings {
        0 => writeln!(world.stdout, "{}: ok", path.display()),
        _ => writeln!(world.stdout, "{}: ok, with {warnings} warnings", path.display()),
    };
    Exit::Done
}
