//! What goes into one letter. Pure.
//!
//! A mail tells of one incident and of everything that happened to it since the last one. When more than ten incidents
//! are told to one address within a minute, what is left of that minute comes as one digest. A webhook is told each
//! change by itself: machines do not mind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use domain::incident::Recipient;
use domain::{IncidentId, Timestamp};
use store::Notification;
use uuid::Uuid;

/// More incidents than this within [`STORM`] come as a digest.
pub const MANY: usize = 10;
pub const STORM: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parcel {
    /// About one incident, or a digest of several.
    Send(Vec<Notification>),
    /// More is to come.
    Wait(Vec<Uuid>, Timestamp),
}

/// `recent` says of how many incidents each recipient heard or shall hear within the last [`STORM`].
pub fn bundle(claimed: Vec<Notification>, recent: &HashMap<Recipient, i64>, now: Timestamp) -> Vec<Parcel> {
    let mut of: BTreeMap<Recipient, Vec<Notification>> = BTreeMap::new();
    for notification in claimed {
        of.entry(notification.to.clone()).or_default().push(notification);
    }
    let parcels = of.into_iter().flat_map(|(to, all)| {
        if to.channel.is_for_people() {
            mails(all, recent.get(&to).copied().unwrap_or(0), now)
        } else {
            all.into_iter().map(|one| Parcel::Send(vec![one])).collect()
        }
    });
    parcels.collect()
}

fn mails(all: Vec<Notification>, recent: i64, now: Timestamp) -> Vec<Parcel> {
    let incidents: BTreeSet<IncidentId> = all.iter().map(|one| one.incident).collect();
    let many = |count: i64| usize::try_from(count).is_ok_and(|count| count > MANY);
    if many(recent) {
        let since = all.iter().map(|one| one.created_at).min().unwrap_or(now);
        let gathered = since.plus(STORM);
        if now < gathered {
            return vec![Parcel::Wait(all.iter().map(|one| one.id).collect(), gathered)];
        }
        return vec![Parcel::Send(all)];
    }
    // They waited for the mail server, not for each other.
    if incidents.len() > MANY {
        return vec![Parcel::Send(all)];
    }
    let mut each: BTreeMap<IncidentId, Vec<Notification>> = BTreeMap::new();
    for one in all {
        each.entry(one.incident).or_default().push(one);
    }
    each.into_values().map(Parcel::Send).collect()
}

#[cfg(test)]
mod tests {
    use domain::WorkspaceId;
    use domain::channel::ChannelKind;
    use domain::incident::Change;
    use proptest::prelude::*;

    use super::*;

    fn second(n: u64) -> Timestamp {
        Timestamp::EPOCH.plus(Duration::from_secs(n))
    }

    fn to(channel: ChannelKind) -> Recipient {
        let name = "ops@example.org".to_owned();
        Recipient { channel, name }
    }

    #[expect(clippy::disallowed_methods, reason = "a name that no other test has")]
    fn told(incident: IncidentId, channel: ChannelKind, at: u64) -> Notification {
        Notification {
            id: Uuid::now_v7(),
            workspace: WorkspaceId::default_workspace(),
            incident,
            change: Change::Opened,
            to: to(channel),
            created_at: second(at),
            attempts: 0,
        }
    }

    fn many(count: usize, channel: ChannelKind) -> Vec<Notification> {
        (0..count).map(|_| told(IncidentId::new(), channel, 0)).collect()
    }

    #[test]
    fn what_happened_to_one_incident_is_one_mail() {
        let (one, other) = (IncidentId::new(), IncidentId::new());
        let claimed = vec![
            told(one, ChannelKind::Email, 0),
            told(other, ChannelKind::Email, 1),
            told(one, ChannelKind::Email, 2),
        ];
        let parcels = bundle(claimed.clone(), &HashMap::new(), second(10));
        let first = Parcel::Send(vec![claimed[0].clone(), claimed[2].clone()]);
        assert_eq!(parcels, [first, Parcel::Send(vec![claimed[1].clone()])]);
    }

    #[test]
    fn a_storm_waits_for_its_minute_and_comes_as_one() {
        let claimed = many(12, ChannelKind::Email);
        let ids: Vec<Uuid> = claimed.iter().map(|one| one.id).collect();
        let recent = HashMap::from([(to(ChannelKind::Email), 12)]);
        let early = bundle(claimed.clone(), &recent, second(59));
        assert_eq!(early, [Parcel::Wait(ids, second(60))]);
        assert_eq!(bundle(claimed.clone(), &recent, second(60)), [Parcel::Send(claimed)]);
    }

    #[test]
    fn ten_are_ten_mails_and_eleven_that_waited_are_one() {
        assert_eq!(
            bundle(many(10, ChannelKind::Email), &HashMap::new(), second(0)).len(),
            10
        );
        assert_eq!(
            bundle(many(11, ChannelKind::Email), &HashMap::new(), second(0)).len(),
            1
        );
        let recent = HashMap::from([(to(ChannelKind::Webhook), 50)]);
        assert_eq!(bundle(many(11, ChannelKind::Webhook), &recent, second(0)).len(), 11);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_doubled(
            of in prop::collection::vec((0_usize..30, any::<bool>(), 0_u64..100), 0..100),
            recent in 0_i64..30,
            now in 0_u64..200,
        ) {
            let incidents: Vec<IncidentId> = (0..30).map(|_| IncidentId::new()).collect();
            let channel = |mail| if mail { ChannelKind::Email } else { ChannelKind::Webhook };
            let claimed: Vec<Notification> =
                of.iter().map(|(n, mail, at)| told(incidents[*n], channel(*mail), *at)).collect();
            let recent = HashMap::from([(to(ChannelKind::Email), recent)]);
            let mut out: Vec<Uuid> = bundle(claimed.clone(), &recent, second(now))
                .into_iter()
                .flat_map(|parcel| match parcel {
                    Parcel::Send(all) => all.into_iter().map(|one| one.id).collect(),
                    Parcel::Wait(ids, _) => ids,
                })
                .collect();
            let mut ids: Vec<Uuid> = claimed.iter().map(|one| one.id).collect();
            out.sort();
            ids.sort();
            prop_assert_eq!(out, ids);
        }
    }
}
