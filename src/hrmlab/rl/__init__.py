"""Learning by reward: stages of GRPO that follow a supervised warm-up (extra ``rl``); rewards and what judges them need no torch."""
