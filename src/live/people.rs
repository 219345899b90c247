//! People at a terminal, or answers given beforehand with `--confirm`.

use std::io::{BufRead, IsTerminal, Write};

use crate::declaration::{ErrorClass, Failure};
use crate::visible::visible;
use crate::world::{Answer, People, Question, Touch, Wait};

/// The word that confirms every item.
const ALL: &str = "all";

/// The operator's terminal.
pub(super) struct Terminal {
    confirmed: Vec<String>,
}

impl Terminal {
    /// Items in `confirmed` are not asked again.
    pub(super) fn new(confirmed: &[String]) -> Self {
        Self { confirmed: confirmed.to_vec() }
    }
}

impl People for Terminal {
    fn ask<'a>(&'a self, question: &'a Question) -> Wait<'a, Touch<Answer>> {
        Box::pin(async move {
            if self.confirmed.iter().any(|item| item == ALL || *item == question.item) {
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

/// Who runs this process, as far as the machine knows.
pub(crate) fn user() -> String {
    let id = rustix::process::getuid().as_raw();
    std::env::var("USER").map_or_else(|_| format!("uid {id}"), |name| format!("{name} (uid {id})"))
}
