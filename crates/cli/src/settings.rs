//! `deepfix config`.

use deepfix_errors::{Error, ErrorCode};

use crate::{Outcome, args::ConfigArgs};

pub(crate) fn print(args: &ConfigArgs) -> Outcome {
    let config = deepfix_standalone::load(args.config.as_deref())?;
    let mut value = toml::Table::try_from(&config).map_err(|error| Error::new(ErrorCode::Internal, error.to_string()))?;
    mask(&mut value);
    anstream::print!("{value}");
    Ok(0)
}

/// Hides values whose key says that they are secret, and credentials inside addresses.
fn mask(table: &mut toml::Table) {
    for (key, value) in table.iter_mut() {
        let secret = ["token", "password", "secret", "api_key"].iter().any(|word| key.contains(word));
        match value {
            toml::Value::Table(inner) => mask(inner),
            toml::Value::String(text) if secret && !text.is_empty() => "***".clone_into(text),
            toml::Value::String(text) => {
                if let Some((scheme, rest)) = text.split_once("://")
                    && let Some((_, host)) = rest.split_once('@')
                {
                    *text = format!("{scheme}://***@{host}");
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn secrets_do_not_print() {
        let mut table: toml::Table =
            "api_key = \"s3cret\"\n[a]\nurl = \"http://me:pw@host/x\"\nlog = \"info\"\n".parse().expect("valid");
        super::mask(&mut table);
        let text = table.to_string();
        assert!(!text.contains("s3cret") && !text.contains("pw") && text.contains("info") && text.contains("host/x"), "{text}");
    }
}
