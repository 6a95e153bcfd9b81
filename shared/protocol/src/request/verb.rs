//! What can be asked, as the last token of a request's subject.

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Renew,
    Resume,
    Retry,
    Cancel,
    Resolve,
    Probe,
    BulkPlan,
    BulkCommit,
    JobPause,
    JobResume,
    JobCancel,
    JobShow,
    Events,
}

impl Verb {
    pub const ALL: [Self; 13] = [
        Self::Renew,
        Self::Resume,
        Self::Retry,
        Self::Cancel,
        Self::Resolve,
        Self::Probe,
        Self::BulkPlan,
        Self::BulkCommit,
        Self::JobPause,
        Self::JobResume,
        Self::JobCancel,
        Self::JobShow,
        Self::Events,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::Resume => "resume",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
            Self::Resolve => "resolve",
            Self::Probe => "probe",
            Self::BulkPlan => "bulk-plan",
            Self::BulkCommit => "bulk-commit",
            Self::JobPause => "job-pause",
            Self::JobResume => "job-resume",
            Self::JobCancel => "job-cancel",
            Self::JobShow => "job-show",
            Self::Events => "events",
        }
    }

    /// Every name by which one may ask, the former ones too.
    pub fn names() -> impl Iterator<Item = String> {
        Self::ALL.into_iter().flat_map(|verb| {
            let former = verb.as_str().replace('-', "_");
            let renamed = (former != verb.as_str()).then_some(former);
            std::iter::once(verb.as_str().to_owned()).chain(renamed)
        })
    }

    /// The first versions wrote `_` where there is `-` now; what they sent may still lie in the stream.
    pub fn parse(token: &str) -> Option<Self> {
        let token = token.replace('_', "-");
        Self::ALL.into_iter().find(|verb| verb.as_str() == token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_is_a_token_of_a_subject_and_is_known_by_its_former_name() {
        for verb in Verb::ALL {
            let token = verb.as_str();
            assert!(token.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{token}");
            assert_eq!(Verb::parse(token), Some(verb));
        }
        assert_eq!(Verb::parse("bulk_plan"), Some(Verb::BulkPlan));
        assert_eq!(Verb::parse("job_cancel"), Some(Verb::JobCancel));
        assert_eq!(Verb::parse("delete"), None);
        assert!(Verb::names().all(|name| Verb::parse(&name).is_some()));
        assert_eq!(Verb::names().filter(|name| name.contains('_')).count(), 6);
    }
}
