//! `gateway doctor`: says what is wrong with a directory of the SRE agent.

use std::path::Path;

use checks::{CheckResult, Subject, SubjectKind};
use provision::clock::Clock as _;

use super::{collect, sample};
use crate::app::{App, Ended};
use crate::args::{GatewayDoctorArgs, JudgeArgs};
use crate::commands::check::finish;
use crate::compose::SystemClock;

/// `gateway doctor`
pub(super) fn command(app: &App, args: &GatewayDoctorArgs) -> Ended {
    let facts = collect::facts(&args.dir, sample(&args.dir).as_deref(), Path::new("/"), SystemClock.now());
    let subject = Subject::new(SubjectKind::Host, args.dir.display().to_string());
    let result = CheckResult::new(subject, Vec::new(), agent::doctor::judge(&facts));
    let judge = JudgeArgs { fail_on: args.fail_on, output: args.output.clone(), ..JudgeArgs::default() };
    finish(app, &judge, None, vec![result])
}
