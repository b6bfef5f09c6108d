-- Whoever is erased is looked for where several people speak, and where each has a conversation apart from others'.
-- What is one person's by its chat or its participant, which is most, is in neither index.
CREATE INDEX lane_shared ON lane (channel, account, id) WHERE scope <> 'conversation' AND key NOT LIKE '%user=%';
CREATE INDEX lane_apart ON lane (channel, account, id) WHERE place <> 'dm' AND key LIKE '%user=%';
-- A person is a participant for each bot met; and a lane that goes is asked for its tokens.
CREATE INDEX participant_same ON participant (channel, account, person);
CREATE INDEX token_lane ON token (lane);
