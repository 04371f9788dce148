//! Runs steps concurrently along their dependencies, on one thread, without detaching anything.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use futures::stream::{FuturesUnordered, StreamExt as _};
use model::plan::StepId;

/// Which way along the dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A step after those it depends on.
    Forward,
    /// A step after those that depend on it.
    Backward,
}

/// How a step of a graph ended.
#[derive(Debug)]
pub enum End<T, E> {
    /// It ran and succeeded.
    Done(T),
    /// It ran and failed.
    Failed(E),
    /// It did not run, because the named step did not succeed.
    Skipped(StepId),
}

/// Runs `work` for each of `steps`, each as soon as all it waits for has succeeded.
///
/// Dependencies that are not in `steps` are reached through: if B depends on A through a step that is not there, B
/// still waits for A. A failure holds back what waits for it and nothing else.
pub async fn run<T, E, F>(
    steps: &BTreeSet<StepId>,
    direction: Direction,
    work: impl Fn(StepId) -> F,
) -> BTreeMap<StepId, End<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    run_along(steps, direction, StepId::dependencies, work).await
}

/// The same along other dependencies than those of making: looking needs fewer.
pub async fn run_along<T, E, F>(
    steps: &BTreeSet<StepId>,
    direction: Direction,
    dependencies: fn(StepId) -> &'static [StepId],
    work: impl Fn(StepId) -> F,
) -> BTreeMap<StepId, End<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    let waits_for = waits(steps, direction, dependencies);
    let mut ended: BTreeMap<StepId, End<T, E>> = BTreeMap::new();
    let mut begun: BTreeSet<StepId> = BTreeSet::new();
    let mut running = FuturesUnordered::new();
    loop {
        for step in steps {
            if begun.contains(step) {
                continue;
            }
            let before = waits_for.get(step).into_iter().flatten();
            let mut ready = true;
            let mut because = None;
            for other in before {
                match ended.get(other) {
                    Some(End::Done(_)) => {}
                    Some(End::Failed(_)) => because = because.or(Some(*other)),
                    Some(End::Skipped(root)) => because = because.or(Some(*root)),
                    None => ready = false,
                }
            }
            if let Some(root) = because {
                begun.insert(*step);
                ended.insert(*step, End::Skipped(root));
            } else if ready {
                begun.insert(*step);
                let (step, work) = (*step, work(*step));
                running.push(async move { (step, work.await) });
            }
        }
        match running.next().await {
            Some((step, Ok(value))) => ended.insert(step, End::Done(value)),
            Some((step, Err(error))) => ended.insert(step, End::Failed(error)),
            // A step may have been skipped after the one it waits for was looked at: go round once more.
            None if begun.len() < steps.len() => None,
            None => break,
        };
    }
    ended
}

/// For each step, the steps of the set that come before it.
fn waits(
    steps: &BTreeSet<StepId>,
    direction: Direction,
    dependencies: fn(StepId) -> &'static [StepId],
) -> BTreeMap<StepId, BTreeSet<StepId>> {
    let mut waits: BTreeMap<StepId, BTreeSet<StepId>> =
        steps.iter().map(|step| (*step, BTreeSet::new())).collect();
    for step in steps {
        for dependency in reached(*step, steps, dependencies) {
            let (after, before) = match direction {
                Direction::Forward => (*step, dependency),
                Direction::Backward => (dependency, *step),
            };
            waits.entry(after).or_default().insert(before);
        }
    }
    waits
}

/// The nearest dependencies of a step that are in the set.
fn reached(
    step: StepId,
    steps: &BTreeSet<StepId>,
    dependencies: fn(StepId) -> &'static [StepId],
) -> BTreeSet<StepId> {
    let mut nearest = BTreeSet::new();
    let mut open: Vec<StepId> = dependencies(step).to_vec();
    while let Some(dependency) = open.pop() {
        if steps.contains(&dependency) {
            nearest.insert(dependency);
        } else if dependency != StepId::Bundle {
            // What the bundle is made from concerns nobody where no bundle is made.
            open.extend(dependencies(dependency));
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;

    fn run_blocking(
        steps: &BTreeSet<StepId>,
        direction: Direction,
        fails: &BTreeSet<StepId>,
    ) -> (Vec<StepId>, BTreeMap<StepId, End<(), ()>>) {
        let order = Mutex::new(Vec::new());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let ends = runtime.block_on(run(steps, direction, |step| {
            order.lock().unwrap().push(step);
            let fails = fails.contains(&step);
            async move { if fails { Err(()) } else { Ok(()) } }
        }));
        (order.into_inner().unwrap(), ends)
    }

    fn subset() -> impl Strategy<Value = BTreeSet<StepId>> {
        proptest::collection::vec(any::<bool>(), StepId::ALL.len()).prop_map(|chosen| {
            StepId::ALL.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(step, _)| *step).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn every_step_ends_and_none_begins_before_what_it_waits_for(
            steps in subset(), fails in subset(), backward in any::<bool>()
        ) {
            let direction = if backward { Direction::Backward } else { Direction::Forward };
            let (order, ends) = run_blocking(&steps, direction, &fails);
            prop_assert_eq!(ends.len(), steps.len());
            let place = |step: &StepId| order.iter().position(|other| other == step);
            for (step, before) in waits(&steps, direction, StepId::dependencies) {
                for other in before {
                    match &ends[&step] {
                        End::Skipped(root) => prop_assert!(fails.contains(root)),
                        End::Done(()) | End::Failed(()) => {
                            prop_assert!(matches!(ends[&other], End::Done(())));
                            prop_assert!(place(&other) < place(&step));
                        }
                    }
                }
            }
        }
    }
}
