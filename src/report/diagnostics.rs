//! Drawing diagnostics under the lines they are about.

use std::fmt::Write as _;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, Report};

use crate::diagnostic::{Diagnostic, Severity};
use crate::visible::visible;

use super::checkup::counted;
use super::excerpt::Excerpt;

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

/// The most diagnostics drawn: nobody reads more at once.
const MAX_DRAWN: usize = 50;

/// Draws diagnostics, one after the other, with a closing count.
pub fn draw(diagnostics: &[Diagnostic], style: Style) -> String {
    let mut drawn = draw_all(diagnostics, style);
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let others = diagnostics.len() - errors;
    let _ = match (errors, others) {
        (0, 0) => Ok(()),
        (errors, 0) => writeln!(drawn, "{}", counted(errors, "error")),
        (errors, others) => writeln!(drawn, "{}, {others} more", counted(errors, "error")),
    };
    drawn
}

/// Draws diagnostics, one after the other.
pub fn draw_all(diagnostics: &[Diagnostic], style: Style) -> String {
    let theme = match style {
        Style::Coloured => GraphicalTheme::unicode(),
        Style::Plain => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
    let mut drawn = String::new();
    let mut excerpt = None;
    for diagnostic in diagnostics.iter().take(MAX_DRAWN) {
        draw_one(&handler, diagnostic, &mut excerpt, &mut drawn);
    }
    if diagnostics.len() > MAX_DRAWN {
        let _ = writeln!(drawn, "{} more are not drawn", diagnostics.len() - MAX_DRAWN);
    }
    drawn
}

fn draw_one(
    handler: &GraphicalReportHandler,
    diagnostic: &Diagnostic,
    excerpt: &mut Option<Excerpt>,
    drawn: &mut String,
) {
    let mut shape = MietteDiagnostic::new(visible(&diagnostic.message)).with_code(headed(diagnostic)).with_severity(
        match diagnostic.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        },
    );
    if let Some(help) = &diagnostic.help {
        shape = shape.with_help(visible(help));
    }
    let file = diagnostic.labels.first().map(|label| label.loc.file.clone());
    if let Some(file) = &file
        && !excerpt.as_ref().is_some_and(|excerpt| excerpt.is_of(file))
    {
        *excerpt = Some(Excerpt::new(file));
    }
    let labels = diagnostic.labels.iter().filter(|label| Some(&label.loc.file) == file.as_ref());
    let spans = labels.enumerate().map(|(at, label)| {
        let text = (!label.text.is_empty()).then(|| visible(&label.text).into_owned());
        let (start, len) = (label.loc.span.start, label.loc.span.len());
        let place = excerpt.as_ref().map_or((start, len), |excerpt| excerpt.place(start, len));
        match at {
            0 => LabeledSpan::new_primary_with_span(text, place),
            _ => LabeledSpan::new_with_span(text, place),
        }
    });
    let shape = shape.with_labels(spans);
    let report = match (&file, &*excerpt) {
        (Some(_), Some(excerpt)) => Report::new(shape).with_source_code(excerpt.clone()),
        _ => Report::new(shape),
    };
    if handler.render_report(drawn, report.as_ref()).is_err() {
        let _ = writeln!(drawn, "{}: {}", diagnostic.code, visible(&diagnostic.message));
    }
    drawn.push('\n');
}

/// The code, and how far the verdict can be trusted where it is one.
fn headed(diagnostic: &Diagnostic) -> String {
    match diagnostic.strength {
        Some(strength) => format!("{} · {}", diagnostic.code, strength.words()),
        None => diagnostic.code.to_owned(),
    }
}
