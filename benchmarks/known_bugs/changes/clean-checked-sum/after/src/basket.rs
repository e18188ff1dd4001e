//! What a basket costs.

use std::fmt;

pub struct Item {
    pub cents: u64,
    pub amount: u32,
}

/// The total is more than a u64 can hold.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the total of the basket is too large")
    }
}

impl std::error::Error for TooLarge {}

impl Item {
    fn price(&self) -> Option<u64> {
        self.cents.checked_mul(u64::from(self.amount))
    }
}

pub fn total(items: &[Item]) -> Result<u64, TooLarge> {
    items.iter().try_fold(0u64, |sum, item| sum.checked_add(item.price()?)).ok_or(TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_basket_costs_nothing() {
        assert_eq!(total(&[]), Ok(0));
    }

    #[test]
    fn prices_are_multiplied_and_added() {
        let items = [Item { cents: 250, amount: 2 }, Item { cents: 100, amount: 1 }];
        assert_eq!(total(&items), Ok(600));
    }

    #[test]
    fn a_total_that_does_not_fit_is_an_error() {
        assert_eq!(total(&[Item { cents: u64::MAX, amount: 2 }]), Err(TooLarge));
        let items = [Item { cents: u64::MAX, amount: 1 }, Item { cents: 1, amount: 1 }];
        assert_eq!(total(&items), Err(TooLarge));
    }
}
