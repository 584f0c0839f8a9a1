//! Reading Cargo.lock, and comparing versions as Cargo does.

use std::cmp::Ordering;

/// A locked package.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The packages of a lock file. Its form is fixed by Cargo: one `[[package]]` each, name and version first.
pub(crate) fn packages(text: &str) -> Vec<Package> {
    let mut found = Vec::new();
    for block in text.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let mut lines = block.lines().map(str::trim);
            lines.find_map(|line| {
                Some(line.strip_prefix(key)?.trim().strip_prefix('=')?.trim().trim_matches('"'))
            })
        };
        if let (Some(name), Some(version)) = (value("name"), value("version")) {
            found.push(Package { name: name.to_owned(), version: version.to_owned() });
        }
    }
    found
}

/// Compares versions by their numbers; a pre-release comes before its release, build metadata counts nothing.
pub(crate) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (parts(a), parts(b));
    a.0.cmp(&b.0).then_with(|| match (a.1, b.1) {
        (None, None) => Ordering::Equal,
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (Some(a), Some(b)) => compare_pre_releases(a, b),
    })
}

/// The three numbers, and the pre-release if there is one.
fn parts(version: &str) -> ([u64; 3], Option<&str>) {
    let version = version.split('+').next().unwrap_or_default();
    let (numbers, pre) = match version.split_once('-') {
        Some((numbers, pre)) => (numbers, Some(pre)),
        None => (version, None),
    };
    let mut three = [0; 3];
    for (slot, part) in three.iter_mut().zip(numbers.split('.')) {
        *slot = part.parse().unwrap_or_default();
    }
    (three, pre)
}

fn compare_pre_releases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_with_and_without_a_source() {
        let text = "# generated\nversion = 4\n\n[[package]]\nname = \"h2\"\nversion = \"0.4.16\"\n\
            source = \"registry\"\nchecksum = \"1\"\ndependencies = [\n \"bytes\",\n \"name = no\",\n]\n\n\
            [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        let package = |name: &str, version: &str| Package { name: name.into(), version: version.into() };
        assert_eq!(packages(text), [package("h2", "0.4.16"), package("ours", "0.1.0")]);
        assert!(packages("version = 4\n").is_empty());
    }

    #[test]
    fn versions_are_ordered_as_cargo_orders_them() {
        let rising = [
            "0.4.9",
            "0.4.16",
            "0.11.15-alpha",
            "0.11.15-alpha.2",
            "0.11.15-beta",
            "0.11.15",
            "1.0.0",
            "10.3.0",
        ];
        for pair in rising.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
        assert_eq!(compare("1.2.3+build", "1.2.3"), Ordering::Equal);
        assert_eq!(compare("10.3", "10.3.0"), Ordering::Equal);
        assert_eq!(compare("1.0.0-2", "1.0.0-10"), Ordering::Less);
    }
}
