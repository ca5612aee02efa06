"""Problems that are answered by writing text: records, tokenizers, and what a task hands to those who let a model write."""
