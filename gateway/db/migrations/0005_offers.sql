-- What offered buttons is found again when somebody presses one, however long ago that was. Most parts offer none,
-- and are not in this index.
CREATE INDEX outbox_offers ON outbox (lane, id) WHERE body LIKE '%"buttons":[{%';
