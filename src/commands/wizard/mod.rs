//! `wizard`, and no arguments on a terminal: asks, shows, carries out, verifies.

mod around;
mod ask;
mod discover;
mod kept;
mod work;

use crate::app::{App, Ended};
use crate::args::WizardArgs;

/// `wizard`
pub(crate) fn command(app: &App, args: &WizardArgs) -> Ended {
    let _ = (app, args);
    Ok(crate::exit::Exit::Done)
}
