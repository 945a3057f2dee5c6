"""The AWS of one machine: ministack behind one port of 127.0.0.1, with engines that really run what AWS would run."""
