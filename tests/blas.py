"""How many threads the libraries of linear algebra in this process may use."""

from threadpoolctl import threadpool_info


def blas_threads() -> set[int]:
    """One number where all agree."""
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
