//! Fuzz target for the configuration.

use crate::config::Config;

/// The bytes of a file.
///
/// They become a configuration, of which stages are built, or findings: each has its place in the file, and all of them
/// together are a text that can be read.
pub fn config(input: &[u8]) {
    match Config::parse_bytes("fuzz.toml", input, |_| false) {
        Ok(config) => {
            assert!(!config.cameras.is_empty());
            for camera in &config.cameras {
                assert_eq!(
                    camera.stages.build(&crate::stage::StageContext::default()).len(),
                    camera.stages.names().len()
                );
            }
        }
        Err(diagnostics) => {
            let lines: Vec<_> = input.split(|&byte| byte == b'\n').collect();
            for diagnostic in diagnostics.iter() {
                let line = lines.get(diagnostic.position.line - 1);
                assert!(line.is_some_and(|line| diagnostic.position.column <= line.len() + 1), "{diagnostic}");
            }
            let text = diagnostics.to_string();
            assert!(text.starts_with("fuzz.toml:"), "{text}");
            assert!(text.len() <= MAX_TEXT_BYTES, "{} bytes: {text:.1000}", text.len());
        }
    }
}

/// More than any hundred findings should have.
const MAX_TEXT_BYTES: usize = 200_000;
