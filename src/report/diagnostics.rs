//! Drawing diagnostics under the lines they are about.

use std::fmt::Write as _;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceFile;
use crate::visible::{same_length, visible};

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With colours, for a terminal.
    Coloured,
    /// Without, for a file or a pipe.
    Plain,
}

/// The columns a drawing takes where the terminal's width is unknown.
const WIDTH: usize = 100;

/// Draws diagnostics, one after the other, with a closing count.
pub fn draw(diagnostics: &[Diagnostic], style: Style) -> String {
    let theme = match style {
        Style::Coloured => GraphicalTheme::unicode(),
        Style::Plain => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
    let mut drawn = String::new();
    for diagnostic in diagnostics {
        draw_one(&handler, diagnostic, &mut drawn);
    }
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let others = diagnostics.len() - errors;
    let _ = match (errors, others) {
        (0, 0) => Ok(()),
        (errors, 0) => writeln!(drawn, "{errors} error{}", plural(errors)),
        (errors, others) => writeln!(drawn, "{errors} error{}, {others} more", plural(errors)),
    };
    drawn
}

fn draw_one(handler: &GraphicalReportHandler, diagnostic: &Diagnostic, drawn: &mut String) {
    let mut shape =
        MietteDiagnostic::new(visible(&diagnostic.message)).with_code(diagnostic.code).with_severity(match diagnostic
            .severity
        {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        });
    if let Some(help) = &diagnostic.help {
        shape = shape.with_help(visible(help));
    }
    let file = diagnostic.labels.first().map(|label| label.loc.file.clone());
    let labels = diagnostic.labels.iter().filter(|label| Some(&label.loc.file) == file.as_ref());
    let spans = labels.enumerate().map(|(at, label)| {
        let text = (!label.text.is_empty()).then(|| visible(&label.text).into_owned());
        let place = (label.loc.span.start, label.loc.span.len());
        match at {
            0 => LabeledSpan::new_primary_with_span(text, place),
            _ => LabeledSpan::new_with_span(text, place),
        }
    });
    let shape = shape.with_labels(spans);
    let report = match file {
        Some(file) => Report::new(shape).with_source_code(source(&file)),
        None => Report::new(shape),
    };
    if handler.render_report(drawn, report.as_ref()).is_err() {
        let _ = writeln!(drawn, "{}: {}", diagnostic.code, visible(&diagnostic.message));
    }
    drawn.push('\n');
}

fn source(file: &SourceFile) -> NamedSource<String> {
    NamedSource::new(visible(file.name()), same_length(file.text()).into_owned())
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
