//! `waybill completions`: shell completion scripts.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{cli::Cli, exit::Exit, terminal::print};

/// How to install the scripts.
const HELP: &str = "\
bash:  waybill completions bash > ~/.local/share/bash-completion/completions/waybill
zsh:   waybill completions zsh > ~/.zfunc/_waybill        (with ~/.zfunc in $fpath)
fish:  waybill completions fish > ~/.config/fish/completions/waybill.fish";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct CompletionsCommand {
    /// The shell
    shell: Shell,
}

impl CompletionsCommand {
    pub(crate) fn run(&self) -> Exit {
        let mut script = Vec::new();
        let mut command = Cli::command();
        let name = command.get_name().to_owned();
        clap_complete::generate(self.shell, &mut command, name, &mut script);
        print(&String::from_utf8_lossy(&script));
        Exit::Success
    }
}
