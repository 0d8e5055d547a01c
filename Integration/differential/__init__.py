"""The differential test: random commands, made from the command table's own grammar, go to Needletail and to Redis
8.2.3; every reply and, now and then, all that is stored must be the same.

| module | what is in it |
|---|---|
| `grammar` | the commands both servers know, with their arguments, from COMMAND DOCS and COMMAND INFO |
| `values` | what makes a good or a bad integer, time, pattern ...: the only hints written by hand |
| `generator` | steps: commands on several connections, pauses, closed connections |
| `replies` | a cheap splitter of replies, and a parser for those that differ |
| `rules` | when two replies agree; honours `differences.toml` |
| `restraints` | what random requests must not be |
| `pauses` | CLIENT PAUSE: scenes in which requests wait, and their replies |
| `pair` | both servers side by side: runs steps on them |
| `state` | all that a server stores |
| `reduction` | delta debugging: the shortest sequence that still differs |
| `session` | a whole run, epoch by epoch |
| `effects` | the reproducing commands of a run, replayed into a second server |

`tools/differ --help` is the command-line form."""
