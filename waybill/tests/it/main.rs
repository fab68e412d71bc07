//! Runs the program and checks its exit code and output.

mod command_line;
mod completions;
mod dead;
mod doctor;
mod fake;
mod follow;
mod jobs;
mod last;
mod load;
mod program;
mod settings;
mod silent_worker;
mod up;
