//! When the trust domain's authority makes place for the next: a pure rule over the times of all that there are.
//!
//! The next one is in the bundle for [`OVERLAP_MS`] before it signs, so that nobody meets an SVID whose authority it has not
//! heard of. The former one stays in it until the last SVID that it signed has ended.

use maso_core::Timestamp;

/// From when to when one generation of the authority could be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
}

impl Span {
    /// That of a generation which is made now.
    pub(crate) const fn beginning(now: Timestamp) -> Self {
        Self { from: now, until: now.plus_ms(LIFE_MS) }
    }

    /// From when on it signs, where another signed before.
    const fn takes_over(self) -> Timestamp {
        self.from.plus_ms(OVERLAP_MS)
    }

    fn is_valid(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// Which generation signs now, of these in the order of their beginning. `None` when none may.
pub(crate) fn signer(spans: &[Span], now: Timestamp) -> Option<usize> {
    let valid = || spans.iter().enumerate().filter(|(_, span)| span.is_valid(now));
    let took_over = valid().rfind(|(_, span)| span.takes_over() <= now);
    // Where all are new, nobody has an SVID of another: the first need not wait.
    took_over.or_else(|| valid().next()).map(|(index, _)| index)
}

/// Whether a generation is believed now: it may sign, or will, or what it signed has not ended yet.
pub(crate) fn is_believed(spans: &[Span], index: usize, now: Timestamp) -> bool {
    let replaced = spans[index + 1..].iter().map(|next| next.takes_over()).min();
    spans[index].is_valid(now) && replaced.is_none_or(|at| now < at.plus_ms(SVID_MS_MAX))
}

/// Whether the next generation is to be made now.
pub(crate) fn is_due(spans: &[Span], now: Timestamp) -> bool {
    spans.last().is_none_or(|last| last.from.plus_ms(RENEW_MS) <= now)
}

const HOUR_MS: u64 = 3_600_000;
/// No SVID lives longer, whatever a deployment says (IA-2.2: 24 h).
pub(crate) const SVID_MS_MAX: u64 = 24 * HOUR_MS;
/// How long a generation could be believed at most. A choice: long enough that a deployment which stands still for two
/// weeks goes on with the authority that it had.
const LIFE_MS: u64 = 30 * 24 * HOUR_MS;
/// At what age the next one is made. A choice.
const RENEW_MS: u64 = 14 * 24 * HOUR_MS;
/// How long the next one is known before it signs: as long as any SVID lives, so that whoever fetches a bundle with each
/// SVID knows it by then.
pub(crate) const OVERLAP_MS: u64 = SVID_MS_MAX;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The generations of an authority that was looked at at these moments.
    fn lived(moments: &[u64]) -> Vec<(Timestamp, Vec<Span>)> {
        let (mut now, mut spans, mut seen) = (Timestamp::from_millis(1_700_000_000_000), Vec::new(), Vec::new());
        for later in moments {
            now = now.plus_ms(*later);
            if is_due(&spans, now) {
                spans.push(Span::beginning(now));
            }
            seen.push((now, spans.clone()));
        }
        seen
    }

    fn moments() -> impl Strategy<Value = Vec<u64>> {
        proptest::collection::vec(0..6 * 24 * HOUR_MS, 1..60)
    }

    proptest! {
        #[test]
        fn somebody_always_signs_and_is_believed(moments in moments()) {
            for (now, spans) in lived(&moments) {
                let signer = signer(&spans, now).unwrap();
                prop_assert!(is_believed(&spans, signer, now));
            }
        }

        #[test]
        fn what_was_signed_is_believed_until_it_ends(moments in moments(), ttl_ms in 1..SVID_MS_MAX) {
            let seen = lived(&moments);
            for (index, (signed_at, spans)) in seen.iter().enumerate() {
                let by = signer(spans, *signed_at).unwrap();
                let ends = signed_at.plus_ms(ttl_ms).min(spans[by].until);
                for (now, spans) in seen[index..].iter().filter(|(now, _)| *now < ends) {
                    prop_assert!(is_believed(spans, by, *now), "signed at {signed_at}, asked at {now}");
                }
            }
        }

        #[test]
        fn nobody_signs_who_was_not_known_before(moments in moments()) {
            for (now, spans) in lived(&moments) {
                let by = spans[signer(&spans, now).unwrap()];
                let others = spans.iter().any(|other| other.from < by.from && other.is_valid(now));
                prop_assert!(!others || by.takes_over() <= now);
            }
        }
    }
}
