//! A command as one text, for flags. Pure.
//!
//! In: what a person typed. Out: program and arguments, or what a shell would have been needed for. There is no shell here: what
//! only a shell understands would reach the program as an argument and fail when it is run.

/// Characters that only a shell gives a meaning to.
const SHELL: [char; 14] = ['\'', '"', '&', '|', ';', '<', '>', '$', '`', '\\', '*', '?', '(', ')'];
/// Words that only a shell understands.
const BUILTINS: [&str; 8] = ["cd", "source", ".", "export", "if", "while", "until", "set"];

/// Split at blanks; or, of a JSON array, its words as they are.
pub fn command(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if text.starts_with('[') {
        let words: Result<Vec<String>, _> = serde_json::from_str(text);
        let words =
            words.map_err(|e| format!("{text} is no JSON array of words: {e}; use [\"program\", \"argument\"]"))?;
        return check(&words).map(|()| words);
    }
    if let Some(found) = text.chars().find(|c| SHELL.contains(c) || c.is_control()) {
        return Err(format!(
            "{text:?} has {found:?}, which only a shell understands, and no shell is used; write a script with these lines and \
             give its path, or give the words one by one: [\"program\", \"argument with blanks\"]"
        ));
    }
    let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    check(&words).map(|()| words)
}

/// A command that could be started.
pub fn check(words: &[String]) -> Result<(), String> {
    let Some(program) = words.first().filter(|word| !word.is_empty()) else {
        return Err("no program is named; give it with its arguments: [\"nginx\", \"-s\", \"reload\"]".to_owned());
    };
    if words.iter().any(|word| word.contains('\0')) {
        return Err("a word has a NUL character in it; leave it out".to_owned());
    }
    if program.contains(char::is_whitespace) && !program.starts_with('/') {
        return Err(format!(
            "{program:?} is a whole command in one word; give each word for itself: [\"nginx\", \"-s\", \"reload\"]"
        ));
    }
    if BUILTINS.contains(&program.as_str()) {
        return Err(format!(
            "{program:?} is a word of the shell, and no shell is used; write a script and give its path"
        ));
    }
    let operator = |word: &&String| ["&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1"].contains(&word.as_str());
    match words.iter().find(operator) {
        Some(operator) => Err(format!(
            "{operator:?} is an operator of the shell, and no shell is used; write a script with these lines and give its path"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_command_is_split_at_blanks_and_an_array_is_taken_as_it_is() {
        assert_eq!(
            command(" nginx  -s reload "),
            Ok(vec!["nginx".into(), "-s".into(), "reload".into()])
        );
        assert_eq!(
            command(r#"["psql", "-c", "select pg_reload_conf();"]"#),
            Ok(vec!["psql".into(), "-c".into(), "select pg_reload_conf();".into()])
        );
    }

    #[test]
    fn what_needs_a_shell_is_refused_with_what_is_right() {
        for (text, named) in [
            ("nginx -t && nginx -s reload", "'&'"),
            ("cat x | tee y", "'|'"),
            ("sh -c 'nginx -s reload'", "'\\''"),
            ("sh -c \"nginx -s reload\"", "'\"'"),
            ("systemctl reload $SERVICE", "'$'"),
            ("nginx -s reload; true", "';'"),
            ("hook > /dev/null", "'>'"),
            ("cp *.pem /x", "'*'"),
            ("hook `date`", "'`'"),
            ("hook\u{7}", "'\\u{7}'"),
            ("cd /srv", "word of the shell"),
            ("", "no program"),
            ("[]", "no program"),
            ("[\"\"]", "no program"),
            ("[1]", "no JSON array of words"),
            (r#"["nginx -s reload"]"#, "each word for itself"),
            (r#"["nginx", "-t", "&&", "nginx"]"#, "operator of the shell"),
        ] {
            let refused = command(text).expect_err(text);
            assert!(refused.contains(named), "{text}: {refused}");
        }
    }
}
