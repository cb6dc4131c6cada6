use crate::MacOsUnlockCode;

/// The parameters of [`wipe`](https://learn.microsoft.com/graph/api/intune-devices-manageddevice-wipe) in
/// Graph v1.0. By default all are off: everything on the device goes.
///
/// ```
/// use intune_core::WipeOptions;
///
/// let options = WipeOptions::new()
///     .keep_enrollment_data(true)
///     .mac_os_unlock_code("482913".parse()?);
/// assert!(options.keeps_enrollment_data());
/// # Ok::<(), intune_core::ParseUnlockCodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct WipeOptions {
    keep_enrollment_data: bool,
    keep_user_data: bool,
    mac_os_unlock_code: Option<MacOsUnlockCode>,
    persist_esim_data_plan: bool,
}

impl WipeOptions {
    /// Keeps nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `keepEnrollmentData`: the device stays enrolled (Windows).
    #[must_use]
    pub const fn keep_enrollment_data(mut self, keep: bool) -> Self {
        self.keep_enrollment_data = keep;
        self
    }

    /// `keepUserData`: the user's files stay (Windows).
    #[must_use]
    pub const fn keep_user_data(mut self, keep: bool) -> Self {
        self.keep_user_data = keep;
        self
    }

    /// `macOsUnlockCode`: the PIN with which the Mac is unlocked afterwards.
    #[must_use]
    pub fn mac_os_unlock_code(mut self, code: MacOsUnlockCode) -> Self {
        self.mac_os_unlock_code = Some(code);
        self
    }

    /// `persistEsimDataPlan`: the eSIM's data plan stays.
    #[must_use]
    pub const fn persist_esim_data_plan(mut self, keep: bool) -> Self {
        self.persist_esim_data_plan = keep;
        self
    }

    /// `keepEnrollmentData`
    #[must_use]
    pub const fn keeps_enrollment_data(&self) -> bool {
        self.keep_enrollment_data
    }

    /// `keepUserData`
    #[must_use]
    pub const fn keeps_user_data(&self) -> bool {
        self.keep_user_data
    }

    /// `macOsUnlockCode`
    #[must_use]
    pub const fn unlock_code(&self) -> Option<&MacOsUnlockCode> {
        self.mac_os_unlock_code.as_ref()
    }

    /// `persistEsimDataPlan`
    #[must_use]
    pub const fn persists_esim_data_plan(&self) -> bool {
        self.persist_esim_data_plan
    }

    /// Canonical JSON, with `true` in the place of an unlock code.
    pub(super) fn canonical(&self) -> String {
        format!(
            r#"{{"keepEnrollmentData":{},"keepUserData":{},"macOsUnlockCode":{},"persistEsimDataPlan":{}}}"#,
            self.keep_enrollment_data,
            self.keep_user_data,
            self.mac_os_unlock_code.is_some(),
            self.persist_esim_data_plan,
        )
    }
}
