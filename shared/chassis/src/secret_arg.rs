//! A secret of the command line that may stand in a file: what stands on the command line itself is shown by `ps`.

use std::path::Path;

/// The value as it was given, or what the file holds without the line's end. The flag is named when it cannot be read.
pub fn given(flag: &str, value: Option<&String>, file: Option<&Path>) -> Result<Option<String>, String> {
    let Some(file) = file.filter(|_| value.is_none()) else {
        return Ok(value.cloned());
    };
    let text = std::fs::read_to_string(file).map_err(|e| format!("{flag} {}: {e}", file.display()))?;
    match text.trim() {
        "" => Err(format!("{flag} {}: the file is empty", file.display())),
        secret => Ok(Some(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_and_a_bad_one_names_the_flag() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("secret");
        std::fs::write(&file, "hush\n").expect("a file");
        let read = |value: Option<&String>| given("--token-file", value, Some(&file));
        assert_eq!(read(None).expect("read").as_deref(), Some("hush"));
        assert_eq!(
            read(Some(&"typed".to_owned())).expect("typed").as_deref(),
            Some("typed")
        );
        std::fs::write(&file, " \n").expect("a file");
        assert!(read(None).expect_err("empty").contains("--token-file"));
        std::fs::remove_file(&file).expect("removed");
        assert!(read(None).expect_err("gone").contains("--token-file"));
        assert_eq!(given("--token-file", None, None), Ok(None));
    }
}
