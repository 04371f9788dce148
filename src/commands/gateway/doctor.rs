//! `gateway doctor`: says what is wrong with a directory of the SRE agent.

use std::path::Path;

use checks::{CheckReport, CheckResult, Subject, SubjectKind};
use model::Finding;
use provision::clock::Clock as _;

use super::{collect, sample};
use crate::app::{App, Ended};
use crate::args::GatewayDoctorArgs;
use crate::commands::check::{put, selection_among};
use crate::compose::SystemClock;

/// `gateway doctor`
pub(super) fn command(app: &App, args: &GatewayDoctorArgs) -> Ended {
    let selection = selection_among(&args.judge, &|| Box::new(agent::doctor::codes()))?;
    let now = SystemClock.now();
    let facts = collect::facts(&args.dir, sample(&args.dir).as_deref(), Path::new("/"), now);
    let dir = args.dir.display().to_string();
    // One result for the directory, so each finding has to say itself which file it is about.
    let named = |finding: Finding| {
        if finding.subject == dir {
            return finding;
        }
        Finding { message: format!("{}: {}", finding.subject, finding.message), ..finding }
    };
    let findings = agent::doctor::judge(&facts).into_iter().map(named).collect();
    let result = CheckResult::new(Subject::new(SubjectKind::Host, dir.clone()), Vec::new(), findings);
    put(app, &args.judge, &CheckReport::new(now, None, vec![result], &selection), None)
}
