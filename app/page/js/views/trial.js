export const trialView = async () => [];
