//! Matrix products on borrowed slices: the only file that calls the `gemm` crate.
//!
//! Guaranteed: a view lies within its slice, and two mutable views never overlap; one thread computes a
//! product, so that the callers decide what runs at the same time.

use std::marker::PhantomData;

/// A matrix within a slice.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    /// The `rows` x `columns` matrix whose rows begin `stride` apart at the head of `data`.
    pub(crate) fn new(data: &'a [f32], rows: usize, columns: usize, stride: usize) -> Self {
        let end = if rows == 0 || columns == 0 { 0 } else { (rows - 1) * stride + columns };
        assert!(
            end <= data.len() && columns <= stride.max(columns * usize::from(rows <= 1)),
            "within the slice"
        );
        Self { data, rows, columns, row_stride: stride, column_stride: 1 }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Rows for columns; nothing moves.
    pub(crate) fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_stride: self.column_stride,
            column_stride: self.row_stride,
            ..self
        }
    }
}

/// A matrix of contiguous rows that a product is written to.
pub(crate) struct MatrixMut<'a> {
    at: *mut f32,
    rows: usize,
    columns: usize,
    row_stride: usize,
    slice: PhantomData<&'a mut [f32]>,
}

// SAFETY: a view is the only one of its elements, like the `&'a mut [f32]` that it was made of.
#[allow(unsafe_code)]
unsafe impl Send for MatrixMut<'_> {}

impl<'a> MatrixMut<'a> {
    /// All of `data` as `rows` rows.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(data.len(), rows * columns, "the slice fills the matrix");
        Self { at: data.as_mut_ptr(), rows, columns, row_stride: columns, slice: PhantomData }
    }

    /// Blocks of up to `width` columns, left to right.
    pub(crate) fn split_columns(self, width: usize) -> impl Iterator<Item = MatrixMut<'a>> {
        (0..self.columns).step_by(width.max(1)).map(move |start| MatrixMut {
            // SAFETY: `start` is a column, so the pointer stays within the first row (or, without rows, is never
            // followed); the blocks share no column.
            #[allow(unsafe_code)]
            at: if self.rows == 0 { self.at } else { unsafe { self.at.add(start) } },
            rows: self.rows,
            columns: width.min(self.columns - start),
            row_stride: self.row_stride,
            slice: PhantomData,
        })
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: the row's columns belong to this view, which is borrowed mutably for as long as the slice.
        #[allow(unsafe_code)]
        unsafe {
            std::slice::from_raw_parts_mut(self.at.add(row * self.row_stride), self.columns)
        }
    }

    /// Writes `a b`, or adds it to what is there.
    pub(crate) fn multiply(&mut self, a: Matrix<'_>, b: Matrix<'_>, add: bool) {
        assert!(a.rows == self.rows && b.columns == self.columns && a.columns == b.rows, "factors fit");
        if self.rows == 0 || self.columns == 0 {
            return;
        }
        if a.columns == 0 {
            if !add {
                (0..self.rows).for_each(|row| self.row(row).fill(0.0));
            }
            return;
        }
        let stride = |stride: usize| isize::try_from(stride).expect("a slice is shorter than isize::MAX");
        // SAFETY: the three views lie within their slices (checked where they are made), the destination is
        // borrowed mutably and so overlaps neither factor.
        #[allow(unsafe_code)]
        unsafe {
            gemm::gemm(
                self.rows,
                self.columns,
                a.columns,
                self.at,
                1,
                stride(self.row_stride),
                add,
                a.data.as_ptr(),
                stride(a.column_stride),
                stride(a.row_stride),
                b.data.as_ptr(),
                stride(b.column_stride),
                stride(b.row_stride),
                1.0_f32,
                1.0_f32,
                false,
                false,
                false,
                gemm::Parallelism::None,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_by_hand() {
        // [1 2; 3 4] [5 6 7; 8 9 10] = [21 24 27; 47 54 61]
        let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0, 9.0, 10.0]);
        let mut c = [1.0; 6];
        let (a, b) = (Matrix::new(&a, 2, 2, 2), Matrix::new(&b, 2, 3, 3));
        MatrixMut::new(&mut c, 2, 3).multiply(a, b, false);
        assert_eq!(c, [21.0, 24.0, 27.0, 47.0, 54.0, 61.0]);
        // Added to what is there; by columns; from a transposed factor: [1 3; 2 4] b = [29 33 37; 42 48 54].
        let mut c = [1.0; 6];
        for (at, mut block) in MatrixMut::new(&mut c, 2, 3).split_columns(2).enumerate() {
            let columns = Matrix { data: &b.data[2 * at..], columns: block.columns, ..b };
            block.multiply(a.transposed(), columns, true);
        }
        assert_eq!(c, [30.0, 34.0, 38.0, 43.0, 49.0, 55.0]);
    }

    #[test]
    fn a_product_over_nothing_is_zero() {
        let mut c = [1.0; 4];
        MatrixMut::new(&mut c, 2, 2).multiply(Matrix::new(&[], 2, 0, 0), Matrix::new(&[], 0, 2, 2), false);
        assert_eq!(c, [0.0; 4]);
    }

    #[test]
    #[should_panic(expected = "within the slice")]
    fn a_view_beyond_its_slice_is_refused() {
        let _ = Matrix::new(&[0.0; 5], 2, 3, 3);
    }
}
