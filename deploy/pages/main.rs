//! Makes fovea's man pages and shell completions from the definitions with which the program itself reads its command
//! line. It needs neither OpenCV nor a compiler for the board.
//!
//! ```text
//! pages ROOT VERSION DATE      writes them below ROOT, laid out as Debian has them; man prints VERSION and DATE
//! ```

use std::{env, error::Error, fs, io, path::Path};

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::{
    Man,
    roff::{Inline, Roff, bold, italic, roman},
};

/// As much of the program's module of this name as its definitions need, from the very same files.
#[path = "../../src/commands"]
#[expect(dead_code, unreachable_pub, reason = "the program uses all of it; here it is only looked at")]
mod commands {
    pub mod arguments;
    pub mod client {
        mod url;
        pub use url::{HttpUrl, ServerUrl};
    }
    pub mod send {
        mod picture_size;
        mod rate;
        pub use picture_size::PictureSize;
        pub use rate::Rate;
    }
}

/// What the definitions use of the program's module of this name.
#[path = "../../src/tls"]
#[expect(unreachable_pub, reason = "the program uses all of it; here it is only looked at")]
mod tls {
    pub mod fingerprint;
}

/// Where Debian has them, and zsh and fish look for what comes with packages.
const MAN: &str = "usr/share/man/man1";
const COMPLETIONS: [(Shell, &str); 3] = [
    (Shell::Bash, "usr/share/bash-completion/completions/fovea"),
    (Shell::Zsh, "usr/share/zsh/vendor-completions/_fovea"),
    (Shell::Fish, "usr/share/fish/vendor_completions.d/fovea.fish"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let [root, version, date] = arguments.as_slice() else {
        return Err("usage: pages ROOT VERSION DATE".into());
    };
    let root = Path::new(root);
    // The definitions leave it to clap, which takes the name of the package that they are compiled in.
    let mut fovea = commands::arguments::Cli::command().name("fovea");

    let mut completed = fovea.clone().mut_subcommand("model", |model| without_hidden(&model));
    for (shell, file) in COMPLETIONS {
        let mut text = Vec::new();
        clap_complete::generate(shell, &mut completed, "fovea", &mut text);
        write(&root.join(file), &text)?;
    }

    // `fovea help` is not worth a page.
    fovea = fovea.disable_help_subcommand(true).subcommand_help_heading("COMMANDS");
    fovea.build();
    for command in commands_of(&fovea) {
        let man = Man::new(with_usage(command)).source(format!("fovea {version}")).date(date).manual("fovea");
        write(&root.join(MAN).join(man.get_filename()), &page(&man, command, &fovea)?)?;
    }
    Ok(())
}

/// `fovea model` without the command that only fovea starts. The shells would offer it, and clap takes no command out of another.
fn without_hidden(model: &Command) -> Command {
    let shown = model.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    let about = model.get_about().cloned().unwrap_or_default();
    Command::new("model").about(about).args(model.get_arguments().cloned()).subcommands(shown)
}

/// The program and its commands, with theirs.
fn commands_of(fovea: &Command) -> Vec<&Command> {
    let has_page = |command: &&Command| command.get_name() != "help" && !command.is_hide_set();
    let below = |command| [command].into_iter().chain(Command::get_subcommands(command));
    fovea.get_subcommands().flat_map(below).filter(has_page).chain([fovea]).collect()
}

fn write(file: &Path, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(file.parent().unwrap_or(Path::new("")))?;
    fs::write(file, text)
}

/// The command, with the line that its `--help` has made known to `clap_mangen`, whose own leaves out options' values.
fn with_usage(command: &Command) -> Command {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    command.clone().override_usage(usage)
}

/// The page of a command. `fovea` is the command that all belong to, and may be the same.
fn page(man: &Man, command: &Command, fovea: &Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut end = Roff::new();
    help_sections(&mut end, command);
    if command.get_name() != fovea.get_name() {
        help_sections(&mut end, fovea); // the exit codes, which hold for every command
    }
    files(&mut end, command.get_name());
    see_also(&mut end, command, fovea);
    end.to_writer(&mut page)?;
    Ok(page)
}

/// What follows the options in `--help`. There, indented lines below a heading are a term, two spaces or more, and what
/// it stands for; other paragraphs are text.
fn help_sections(roff: &mut Roff, command: &Command) {
    let help = command.get_after_long_help().or(command.get_after_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (lists, text): (Vec<_>, Vec<_>) = help.split("\n\n").partition(|paragraph| paragraph.contains(":\n  "));
    for list in lists {
        let (heading, lines) = list.split_once(":\n").unwrap_or((list, ""));
        roff.control("SH", [man_heading(heading).as_str()]);
        for (term, meaning) in lines.lines().map(str::trim).map(|line| line.split_once("  ").unwrap_or((line, ""))) {
            entry(roff, bold(term), meaning.trim());
        }
    }
    for (index, text) in text.into_iter().filter(|text| !text.is_empty()).enumerate() {
        roff.control(if index == 0 { "SH" } else { "PP" }, (index == 0).then_some("NOTES"));
        roff.text([roman(text)]);
    }
}

/// What man pages call it.
fn man_heading(heading: &str) -> String {
    match heading {
        "Exit codes" => "EXIT STATUS".into(),
        "Example" => "EXAMPLES".into(),
        heading => heading.to_uppercase(),
    }
}

/// The files that the command has to do with.
fn files(roff: &mut Roff, name: &str) {
    let files: &[(&str, &str)] = match name {
        "fovea" | "run" => &[
            ("/etc/fovea/fovea.toml", "The configuration. It is its own manual: every key is in it, explained."),
            ("/etc/fovea/tokens", "The tokens of clients. While it exists, clients need one: see fovea-token(1)."),
            ("/run/fovea/token", "The local token: with it, root and members of the group fovea need no other here."),
            ("/usr/lib/systemd/system/fovea.service", "How systemd runs the daemon."),
            ("/usr/lib/systemd/system/fovea.socket", "Has systemd open the port. Off as it comes."),
            ("/usr/lib/systemd/system/fovea-core.service", "Keeps the rest off the processor's core. Off as it comes."),
            ("/usr/share/fovea/realtime.conf", "A drop-in that allows processor.realtime_priority."),
            ("/usr/share/doc/fovea/docs", "How to use, configure and extend it, and how to write a client."),
            ("/usr/share/doc/fovea/README.md.gz", "What it is, and where to read on."),
        ],
        "check" | "status" | "doctor" | "model" | "try" => {
            &[("/etc/fovea/fovea.toml", "The configuration that the daemon reads.")]
        }
        "token" | "add" | "list" | "revoke" => &[
            ("/etc/fovea/tokens", "The tokens: hashes, names, roles, cameras. Only root and the daemon may read it."),
            ("/etc/fovea/fovea.toml", "The configuration that the daemon reads."),
        ],
        _ => return,
    };
    roff.control("SH", ["FILES"]);
    for (file, meaning) in files {
        entry(roff, italic(*file), meaning);
    }
}

/// The other pages.
fn see_also(roff: &mut Roff, command: &Command, fovea: &Command) {
    let ours = fovea.get_subcommands().chain([fovea]);
    let others = ours.filter(|other| other.get_name() != command.get_name());
    let mut names: Vec<_> = others.filter_map(|other| other.get_display_name().or(Some(other.get_name()))).collect();
    names.sort_unstable();
    if ["fovea", "run"].contains(&command.get_name()) {
        names.extend(["journalctl", "systemctl"]);
    }
    roff.control("SH", ["SEE ALSO"]);
    let mut line = Vec::new();
    for name in names {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.extend([bold(name), roman("(1)")]);
    }
    roff.text(line);
}

fn entry(roff: &mut Roff, term: Inline, meaning: &str) {
    roff.control("TP", []).text([term]).text([roman(meaning)]);
}
