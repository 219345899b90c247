//! Which commands an argv runs: it itself, and those in the lines that a shell in it reads. A text in
//! quotes is one word, and no command.

use super::argv::{code_after, is_shell, program};

/// Programs that run the line that all words behind them make.
const LINE_READERS: [&str; 3] = ["eval", "ssh", "watch"];

/// How deep lines in lines are followed: a shell behind `ssh` behind a shell.
const MAX_DEPTH: usize = 4;

/// The commands an argv runs, each as its words.
pub(super) fn run_by(argv: Vec<String>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let mut open = vec![(argv, 0)];
    while let Some((command, depth)) = open.pop() {
        let within = lines(&command).into_iter().flat_map(|line| split(&line));
        if depth < MAX_DEPTH {
            open.extend(within.map(|inner| (inner, depth + 1)));
        }
        found.push(command);
    }
    found
}

/// The lines that a command hands to what runs them.
fn lines(command: &[String]) -> Vec<String> {
    let line = |(at, word): (usize, &String)| {
        let rest = command.get(at + 1..)?;
        if LINE_READERS.contains(&program(word)) {
            return Some(rest.join(" "));
        }
        let reads_code = is_shell(program(word)) || program(word) == "su";
        let code = code_after(true, rest.iter().map(String::as_str)).filter(|_| reads_code)?;
        rest.get(code).cloned()
    };
    command.iter().enumerate().filter_map(line).collect()
}

/// A line as a shell reads it: its commands, and those whose output it inserts.
fn split(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    // The quote that is open, and those around each `$(`.
    let (mut quote, mut around) = (None, Vec::new());
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let inserts = quote != Some('\'') && (letter == '`' || letter == '$' && letters.peek() == Some(&'('));
        let ends_command = quote.is_none() && ";&|()\n".contains(letter);
        if inserts || ends_command {
            words.extend(word.take());
            commands.push(std::mem::take(&mut words));
            match letter {
                '$' => {
                    letters.next();
                    around.push(quote.take());
                }
                ')' => quote = around.pop().flatten(),
                _ => {}
            }
        } else if quote == Some(letter) {
            quote = None;
        } else if quote.is_none() && "'\"".contains(letter) {
            quote = Some(letter);
            word.get_or_insert_default();
        } else if quote.is_none() && letter.is_whitespace() {
            words.extend(word.take());
        } else {
            word.get_or_insert_default().push(letter);
        }
    }
    words.extend(word);
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_a_shell_reads_it() {
        for (line, expected) in [
            ("a b; c", "a b|c"),
            ("a 'b; c' \"d & e\"", "a b; c d & e"),
            ("a && b || c | d & e\nf", "a|b|c|d|e|f"),
            ("a \"b $(c 'd') e\"; f", "a b |c d| e|f"),
            ("a `b` c", "a|b|c"),
            ("a ${...}b \"\" '$(c)'", "a ${...}b  $(c)"),
            ("(a; b)", "a|b"),
        ] {
            let told: Vec<String> = split(line).into_iter().map(|words| words.join(" ")).collect();
            assert_eq!(told.join("|"), expected, "{line}");
        }
    }
}
