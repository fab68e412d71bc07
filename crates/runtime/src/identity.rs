//! The instance name of a process.

use telemetry::Identity;

/// Longest instance name, in characters; it is stored in job records.
pub const INSTANCE_CHARS_MAX: usize = 64;

/// The identity of this process.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct IdentityConfig {
    /// Instance name of this process, such as `processor-2`: letters, digits, `-`, `_` and `.` [default: generated]
    #[arg(long, env = "WAYBILL_INSTANCE", value_name = "NAME", value_parser = instance)]
    pub instance: Option<String>,
}

impl IdentityConfig {
    /// The identity of this process of `service`: the given instance name, else `{service}-{pid}-{random}`. The random
    /// part distinguishes processes with the same pid, as in containers. Call it once.
    pub fn identity(&self, service: &str) -> Identity {
        let made_up = || {
            let random: u32 = rand::random();
            format!("{service}-{}-{random:08x}", std::process::id())
        };
        Identity {
            name: service.to_owned(),
            instance: self.instance.clone().unwrap_or_else(made_up),
        }
    }
}

fn instance(name: &str) -> Result<String, String> {
    let name = name.trim();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.len() > INSTANCE_CHARS_MAX || !name.chars().all(allowed) {
        return Err(format!(
            "must have 1 to {INSTANCE_CHARS_MAX} characters of a-z, A-Z, 0-9, '-', '_' and '.'"
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processes_with_the_same_pid_have_different_names() {
        let names = [(); 2].map(|()| IdentityConfig::default().identity("notifier").instance);
        assert_ne!(names[0], names[1]);
        let start = format!("notifier-{}-", std::process::id());
        assert!(names.iter().all(|name| name.starts_with(&start) && instance(name).is_ok()));
    }

    #[test]
    fn a_configured_name_must_be_valid_in_a_record() {
        assert_eq!(instance("processor-2").as_deref(), Ok("processor-2"));
        for bad in ["", "a b", "a\nb", "ä", &"x".repeat(65)] {
            assert!(instance(bad).is_err(), "{bad:?}");
        }
    }
}
