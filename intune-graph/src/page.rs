use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::{object::Object, row::Row};

/// Twice what Graph puts on a page. A row of `{}` takes two bytes of an answer and two hundred times that of our
/// memory, so the size of the answer is no bound.
const MAX_ROWS: usize = 2_000;

/// One page of a collection.
#[derive(Debug)]
pub(crate) struct PageBody {
    pub(crate) rows: Vec<Row>,
    pub(crate) next_link: Option<String>,
}

/// Reads a [`PageBody`] of those rows that are wanted. The others are dropped one by one, so that a tenant with
/// which Graph answers in place of a device never is in memory as a whole.
#[derive(Clone, Copy)]
pub(crate) struct PageOf<F>(pub(crate) F);

#[derive(Deserialize)]
#[serde(field_identifier)]
enum Member {
    #[serde(rename = "value")]
    Value,
    #[serde(rename = "@odata.nextLink")]
    NextLink,
    #[serde(other)]
    Other,
}

impl<'de, F: Fn(&Row) -> bool + Copy> DeserializeSeed<'de> for PageOf<F> {
    type Value = PageBody;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PageBody, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: Fn(&Row) -> bool + Copy> Visitor<'de> for PageOf<F> {
    type Value = PageBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a page of a collection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<PageBody, A::Error> {
        let (mut rows, mut next_link) = (None, None);
        while let Some(member) = members.next_key()? {
            match member {
                Member::Value if rows.is_none() => {
                    rows = Some(members.next_value_seed(Rows(self.0))?);
                }
                Member::NextLink if next_link.is_none() => {
                    next_link = Some(members.next_value::<Option<String>>()?);
                }
                Member::Other => {
                    members.next_value::<IgnoredAny>()?;
                }
                Member::Value | Member::NextLink => return Err(A::Error::custom("given twice")),
            }
        }
        Ok(PageBody {
            rows: rows.ok_or_else(|| A::Error::missing_field("value"))?,
            next_link: next_link.flatten(),
        })
    }
}

struct Rows<F>(F);

impl<'de, F: Fn(&Row) -> bool> DeserializeSeed<'de> for Rows<F> {
    type Value = Vec<Row>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Row>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: Fn(&Row) -> bool> Visitor<'de> for Rows<F> {
    type Value = Vec<Row>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Row>, A::Error> {
        let (mut rows, mut read) = (Vec::new(), 0);
        while let Some(Object(row)) = items.next_element()? {
            if read == MAX_ROWS {
                return Err(A::Error::custom("too many rows"));
            }
            read += 1;
            if (self.0)(&row) {
                rows.push(row);
            }
        }
        Ok(rows)
    }
}
