//! How often the sockets are looked at again before they are waited for.

use super::backoff::Backoff;

/// Where the peer is near its answer may be there sooner than a thread that sleeps is woken. So a wait begins with looks at the sockets, up to a number;
/// and with none, once, twice, four times and so on, behind one that came to nothing so: it is dear where the peer is not near.
#[derive(Debug)]
pub(super) struct Vigil {
    most: u32,
    /// In the wait of the moment, if there is one.
    looks: Option<u32>,
    asleep: Backoff,
}

impl Vigil {
    pub(super) const fn new(most: u32) -> Self {
        Vigil {
            most,
            looks: None,
            asleep: Backoff::new(),
        }
    }

    /// The peer is waited for: whether there is one more look before that.
    pub(super) fn looks(&mut self) -> bool {
        let looks = self.looks.get_or_insert(0);
        let more = *looks < self.most && !self.asleep.is_on();
        *looks += u32::from(more);
        more
    }

    /// Something has come, or goes.
    pub(super) fn news(&mut self) {
        let Some(looks) = self.looks.take() else {
            return;
        };
        if self.asleep.is_on() {
            self.asleep.passed();
        } else if looks < self.most {
            self.asleep.forget();
        } else {
            self.asleep.begin();
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    /// The looks of a wait for what comes behind so many of them, or while it is slept.
    fn wait(vigil: &mut Vigil, comes: u32) -> u32 {
        let looks = (0..comes).take_while(|_| vigil.looks()).count();
        vigil.news();
        vigil.news();
        u32::try_from(looks).unwrap()
    }

    #[test]
    fn what_comes_soon_is_looked_for_each_time() {
        let mut vigil = Vigil::new(64);
        for comes in [1, 63, 7].repeat(400) {
            assert_eq!(wait(&mut vigil, comes), comes);
        }
    }

    #[test]
    fn what_does_not_come_soon_is_looked_for_less_and_less() {
        let mut vigil = Vigil::new(64);
        let looks: Vec<u32> = (0..12).map(|_| wait(&mut vigil, 1000)).collect();
        assert_eq!(looks, [64, 0, 64, 0, 0, 64, 0, 0, 0, 0, 64, 0]);
        let waits = (0..100_000).filter(|_| wait(&mut vigil, 1000) > 0).count();
        assert!((90..110).contains(&waits), "{waits}");
    }

    #[test]
    fn one_wait_that_takes_long_is_not_for_good() {
        let mut vigil = Vigil::new(64);
        for _ in 0..20 {
            assert_eq!(wait(&mut vigil, 1000), 64);
            assert_eq!(wait(&mut vigil, 1), 0);
            assert_eq!(wait(&mut vigil, 1), 1);
        }
    }

    #[test]
    fn without_a_number_there_is_no_look() {
        let mut vigil = Vigil::new(0);
        for _ in 0..9 {
            assert_eq!(wait(&mut vigil, 1000), 0);
        }
    }
}
