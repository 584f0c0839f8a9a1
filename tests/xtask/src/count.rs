//! Counting what `cargo test` reports.

/// Tests of one run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// Names of the failed ones.
    pub(crate) failures: Vec<String>,
    /// Names of those that run for long and have not ended.
    pub(crate) slow: Vec<String>,
}

impl Count {
    /// Takes in a line of output.
    pub(crate) fn line(&mut self, line: &str) {
        if let Some(totals) = line.strip_prefix("test result: ") {
            // `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
            let totals = totals.split_once(". ").map_or(totals, |(_, totals)| totals);
            for part in totals.split(';') {
                match part.trim().split_once(' ').map(|(number, what)| (number.parse::<u64>(), what)) {
                    Some((Ok(number), "passed")) => self.passed += number,
                    Some((Ok(number), "failed")) => self.failed += number,
                    Some((Ok(number), "ignored")) => self.ignored += number,
                    _ => {}
                }
            }
        } else if let Some(test) = line.strip_prefix("test ") {
            if let Some((name, _)) = test.split_once(" has been running for over ") {
                self.slow.push(name.to_owned());
            } else if let Some((name, outcome)) = test.split_once(" ... ") {
                self.slow.retain(|slow| slow != name);
                if outcome == "FAILED" {
                    self.failures.push(name.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_several_programs_add_up() {
        let output = "running 3 tests\n\
            test rules::a ... ok\n\
            test rules::b ... FAILED\n\
            test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 5 filtered out; finished in 0.00s\n\
            test result: ok. 10 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 3.10s\n\
            test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let mut count = Count::default();
        output.lines().for_each(|line| count.line(line));
        let failures = vec!["rules::b".to_owned()];
        assert_eq!(count, Count { passed: 12, failed: 1, ignored: 2, failures, slow: vec![] });
    }

    #[test]
    fn a_test_that_hangs_is_known_by_name() {
        let mut count = Count::default();
        count.line("test rules::a has been running for over 60 seconds");
        count.line("test rules::b has been running for over 60 seconds");
        count.line("test rules::a ... ok");
        assert_eq!((count.slow.as_slice(), count.failures.len()), (&["rules::b".to_owned()][..], 0));
    }

    #[test]
    fn other_lines_count_nothing() {
        let mut count = Count::default();
        for line in
            ["test result", "test results: 5 passed", "  test result: ok. 1 passed", "5 passed; 3 failed", ""]
        {
            count.line(line);
        }
        assert_eq!(count, Count::default());
    }
}
