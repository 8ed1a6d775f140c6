//! Which process an agent is: what its mandate says of it, against what the kernel says of whoever asks (IA-2.3).

use maso_core::Digest;

/// By what the process of an agent is known: everything that is given must fit.
// INVARIANT: a user or a program is given. Only `parse` makes one from a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessTerms {
    /// The user that it runs as.
    pub uid: Option<u32>,
    /// The content of the program that it runs.
    pub executable: Option<Digest>,
    /// Its control group, as a whole.
    pub cgroup: Option<String>,
}

/// What the kernel says of a process. What it does not say fits nothing that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSeen {
    /// The user that it runs as.
    pub uid: u32,
    /// The content of the program that it runs.
    pub executable: Option<Digest>,
    /// Its control group.
    pub cgroup: Option<String>,
}

impl ProcessTerms {
    /// Whether this process is the agent's.
    pub fn fit(&self, seen: &ProcessSeen) -> bool {
        (self.uid.is_some() || self.executable.is_some())
            && self.uid.is_none_or(|uid| uid == seen.uid)
            && self.executable.is_none_or(|program| seen.executable == Some(program))
            && self.cgroup.as_ref().is_none_or(|cgroup| seen.cgroup.as_ref() == Some(cgroup))
    }

    /// Whether one process could fit both: nothing that both name tells them apart.
    pub fn overlap(&self, other: &Self) -> bool {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.zip(other).is_none_or(|(one, other)| one == other)
        }
        agree(self.uid.as_ref(), other.uid.as_ref())
            && agree(self.executable.as_ref(), other.executable.as_ref())
            && agree(self.cgroup.as_ref(), other.cgroup.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(byte: u8) -> Digest {
        Digest::of(&[byte])
    }

    fn terms() -> impl Strategy<Value = ProcessTerms> {
        let few = || proptest::option::of(0_u8..3);
        (few(), few(), few()).prop_map(|(uid, executable, cgroup)| ProcessTerms {
            uid: uid.map(u32::from),
            executable: executable.map(digest),
            cgroup: cgroup.map(|cgroup| format!("/{cgroup}")),
        })
    }

    fn seen() -> impl Strategy<Value = ProcessSeen> {
        (0_u8..3, proptest::option::of(0_u8..3), proptest::option::of(0_u8..3)).prop_map(|(uid, executable, cgroup)| {
            ProcessSeen {
                uid: u32::from(uid),
                executable: executable.map(digest),
                cgroup: cgroup.map(|cgroup| format!("/{cgroup}")),
            }
        })
    }

    proptest! {
        #[test]
        fn no_process_fits_two_that_do_not_overlap(one in terms(), other in terms(), seen in seen()) {
            prop_assert!(!(one.fit(&seen) && other.fit(&seen)) || one.overlap(&other));
        }

        #[test]
        fn what_is_asked_for_and_not_seen_does_not_fit(terms in terms(), seen in seen()) {
            let blind = ProcessSeen { executable: None, cgroup: None, ..seen };
            prop_assert!(!terms.fit(&blind) || (terms.executable.is_none() && terms.cgroup.is_none()));
        }
    }

    #[test]
    fn nothing_asked_for_fits_nobody() {
        let nothing = ProcessTerms { uid: None, executable: None, cgroup: None };
        assert!(!nothing.fit(&ProcessSeen { uid: 0, executable: None, cgroup: None }));
    }
}
