"""How the files of each network are made: `train(data, out, ...)`, then `pack(data, out)`; see `accelsim.zoo.train`."""
