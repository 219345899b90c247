//! People at a terminal, or answers given beforehand with `--confirm`.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use super::person::user;
use crate::approval::sign;
use crate::declaration::{ErrorClass, Failure};
use crate::visible::visible;
use crate::world::{Answer, People, Question, Standing, Touch, Wait};

/// The word that confirms every item.
pub(crate) const ALL_ITEMS: &str = "all";

/// The most bytes of a file that holds a seed.
const MAX_SEED: u64 = 1_024;

/// What the operator answered beforehand.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// Items of checklists; `all` for every one.
    pub confirmed: Vec<String>,
    /// Files that hold the seed of an approver's key.
    pub keys: Vec<PathBuf>,
}

/// Reads the seed of a key.
pub(crate) fn read_seed(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| {
        format!("`{shown}` cannot be read: {error}; a key is a file that `titan-run key new FILE` made")
    })?;
    file.take(MAX_SEED).read_to_string(&mut text).map_err(|error| format!("`{shown}` cannot be read: {error}"))?;
    let seed = text.lines().map(str::trim).find(|line| line.starts_with("SU"));
    seed.map(str::to_owned)
        .ok_or_else(|| format!("`{shown}` holds no seed, which begins with SU; `titan-run key new FILE` makes one"))
}

/// The operator's terminal.
pub(super) struct Terminal {
    confirmed: Vec<String>,
    keys: Vec<PathBuf>,
}

impl Terminal {
    /// Items in `confirmed` are not asked again; with each of `keys`, files that hold a seed, every
    /// approval is signed.
    pub(super) fn new(answers: &Answers) -> Self {
        Self { confirmed: answers.confirmed.clone(), keys: answers.keys.clone() }
    }
}

impl People for Terminal {
    fn ask<'a>(&'a self, question: &'a Question) -> Wait<'a, Touch<Answer>> {
        Box::pin(async move {
            if self.confirmed.iter().any(|item| item == ALL_ITEMS || *item == question.item) {
                return Ok(Answer { yes: true, who: format!("{} (beforehand)", user()) });
            }
            if !std::io::stdin().is_terminal() {
                let message = format!(
                    "nobody can answer `{}`: this is no terminal; `--confirm {}` answers it",
                    question.item, question.item
                );
                return Err(Failure::new(ErrorClass::Denied, message));
            }
            let yes = prompt(question).await;
            Ok(Answer { yes, who: user() })
        })
    }

    fn standing(&self, digest: &str) -> Touch<Standing> {
        let refused = |why: String| Failure::new(ErrorClass::Refused, why);
        let signed = self.keys.iter().map(|key| sign(&read_seed(key).map_err(refused)?, digest, true).map_err(refused));
        Ok(Standing::Signed(signed.collect::<Result<_, _>>()?))
    }
}

/// Asks on the terminal; everything but a yes is a no. The line is read on a thread of its own,
/// so that the run goes on watching.
async fn prompt(question: &Question) -> bool {
    let text = format!("\r\n{}: {} [y/N] ", visible(&question.item), visible(&question.text));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = sender.send(read.is_ok() && matches!(line.trim(), "y" | "Y" | "yes"));
    });
    receiver.await.unwrap_or(false)
}
