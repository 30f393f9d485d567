"""The side-by-side table: `python -m benchmarks` is `gon-tf bench`."""

from gon_tf.cli.bench import bench

if __name__ == "__main__":
    bench(prog_name="python -m benchmarks")
