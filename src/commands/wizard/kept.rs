//! Where the wizard keeps what was answered: a draft beside the state file, and the configuration that came of it.

use std::io;
use std::path::{Path, PathBuf};

use wizard::draft::{Draft, DraftError};

use crate::app::App;
use crate::failure::{Failure, codes};
use crate::report_file;

/// Readable by its owner only.
const OWNER: u32 = 0o600;

/// The files of one wizard.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    draft: PathBuf,
    configuration: PathBuf,
}

impl Kept {
    /// The files beside this state file.
    pub(super) fn beside(state_file: &Path) -> Self {
        Self {
            draft: report_file::beside(state_file, "draft.json"),
            configuration: report_file::beside(state_file, "config.yaml"),
        }
    }

    /// What an earlier wizard kept. One that cannot be read is put aside, so that nothing is lost, and said.
    pub(super) fn draft(&self) -> Result<Option<Draft>, Box<Failure>> {
        let text = match std::fs::read_to_string(&self.draft) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::of_file("read the kept answers", &self.draft, &error)),
        };
        Draft::decode(&text).map(Some).map_err(|error| {
            let shown = self.draft.display().to_string();
            let failure =
                Failure::new(codes::DRAFT, &shown, format!("the kept answers cannot be used: {error}"));
            match error {
                DraftError::Newer(_) => {
                    failure.hint("use the newer version, or begin anew with `wizard --fresh`")
                }
                DraftError::Unreadable(_) => {
                    failure.hint("look into the file; `wizard --fresh` begins anew and puts it aside")
                }
            }
        })
    }

    /// Says that there are answers beside those of a file.
    pub(super) fn in_the_way_of(&self, app: &App, file: &Path) -> Box<Failure> {
        let shown = self.draft.display().to_string();
        let what = format!("an earlier wizard kept its answers here, so `{}` was not read", file.display());
        Failure::new(codes::DRAFT, &shown, what).hint(format!(
            "to go on with them: {0} wizard; to begin with the file, which puts them aside: {0} wizard --fresh --config {1}",
            app.program,
            crate::next::path(file)
        ))
    }

    /// Puts what an earlier wizard kept aside.
    pub(super) fn put_aside(&self) -> Result<(), Box<Failure>> {
        let aside = self.draft.with_extension("json.old");
        match std::fs::rename(&self.draft, &aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::of_file("put the kept answers aside", &self.draft, &error))
            }
            _ => Ok(()),
        }
    }

    /// Keeps a draft, on disk when this returns.
    pub(super) fn keep(&self, draft: &Draft) -> io::Result<()> {
        report_file::replace(&self.draft, draft.encode().as_bytes(), OWNER)
    }

    /// Keeps the last draft; that this failed is the last that can be said.
    pub(super) fn keep_last(&self, draft: &Draft) -> Result<(), Box<Failure>> {
        self.keep(draft).map_err(|error| Failure::of_file("keep the answers", &self.draft, &error))
    }

    /// Writes the configuration; where it is.
    pub(super) fn write_configuration(&self, text: &str) -> Result<PathBuf, Box<Failure>> {
        report_file::replace(&self.configuration, text.as_bytes(), OWNER)
            .map_err(|error| Failure::of_file("write the configuration", &self.configuration, &error))?;
        Ok(self.configuration.clone())
    }

    /// Nothing is open any more.
    pub(super) fn forget(&self) {
        // What stays is only asked about again.
        let _ = std::fs::remove_file(&self.draft);
    }
}
