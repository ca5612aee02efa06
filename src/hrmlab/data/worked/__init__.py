"""Problems with worked solutions: arithmetic of growing depth, word problems, small functions; each step and answer can be verified."""
