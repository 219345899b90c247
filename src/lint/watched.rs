//! A watch in the graph of a runbook and every runbook it uses.

use crate::runbook::Watch;

use super::flow::NodeId;

/// A watch, in the graph.
#[derive(Debug)]
pub struct Watched<'a> {
    /// The watch.
    pub watch: &'a Watch,
    /// The node before whose start it is live.
    pub from: NodeId,
    /// The node with whose end it ends; `None` for the end of the run.
    pub to: Option<NodeId>,
    /// The index of the step of the outermost runbook it is inside of.
    pub outer: Option<usize>,
    /// The names of its runbook's params.
    pub(super) params: usize,
    /// Its path: among its runbook's steps, under a name that no step has.
    pub(super) path: String,
}

#[cfg(test)]
mod tests {
    use crate::guard::Guards;
    use crate::lint::flow::Flow;
    use crate::primitive::CATALOGUE;
    use crate::runbook::{Library, load};
    use crate::source::SourceFile;

    struct Nothing;

    impl Library for Nothing {
        fn read(&self, _: &SourceFile, name: &str) -> Result<SourceFile, String> {
            Err(name.to_owned())
        }
    }

    const TEXT: &str = r#"
titan: 1
runbook: x
params: { one: { type: text }, other: { type: text } }
steps:
  say: { do: note, with: { text: x } }
watch:
  first:
    from: say
    do: expect_hash
    with: { service: execution, expected: "e${params.one}" }
    breach_when: out.hash == ""
    on_breach: rollback
  second:
    from: say
    do: expect_hash
    with: { service: "${params.one}", expected: "e${params.other}" }
    breach_when: out.hash == ""
    on_breach: rollback
"#;

    #[test]
    fn texts_that_two_watches_piece_together_are_two() {
        let loaded = load(&SourceFile::new("x.yaml", TEXT), &Guards::new(CATALOGUE), CATALOGUE, &Nothing);
        let runbook = loaded.runbook.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let flow = Flow::of(&runbook);
        let [first, second] = flow.watches() else { panic!("there are two") };
        let expected = |watched| flow.watch_argument(watched, "expected").unwrap();
        assert_ne!(expected(first), expected(second));
        assert_eq!(expected(first), expected(first));
        assert_eq!(flow.watch_argument(second, "service").unwrap().shown(), "${params.one}");
    }
}
